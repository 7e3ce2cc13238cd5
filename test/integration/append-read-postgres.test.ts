// `inturn append`, `read` and `relay` over an event log on Postgres, as a user runs them.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { TestDatabase } from '../services/shared-postgres.ts'
import { freshDatabase } from '../services/shared-postgres.ts'
import type { Ran, TestFolder } from './run-inturn.ts'
import { inturn, sourceUrl, testFolder } from './run-inturn.ts'

let database: TestDatabase
let folder: TestFolder
beforeAll(async () => {
  database = await freshDatabase()
})
afterAll(() => database.drop())
beforeEach(() => {
  folder = testFolder()
})
afterEach(() => folder.remove())

const run = (...args: readonly string[]): Promise<Ran> => inturn(folder.path, ...args)

function bookings(first: number, last: number): string {
  const numbers = Array.from({ length: last - first + 1 }, (_, index) => first + index)
  return numbers
    .map((number) => {
      const fields = { domain: 'account', stream: `${number % 3}`, id: `b${number}`, type: 'account.booked' }
      return `${JSON.stringify({ ...fields, data: { number } })}\n`
    })
    .join('')
}

test('what is appended is numbered once, however often it is run, and read in its order', async () => {
  const url = `${database.url}?schema=books`
  const none = await run('read', '--all', '--log', url)
  expect([none.code, none.stdout]).toEqual([1, ''])
  expect(none.stderr).toContain('no inturn tables')
  folder.write('bookings.ndjson', bookings(1, 700))
  const first = await run('append', 'bookings.ndjson', '--log', url)
  expect(first.stdout).toMatch(/^700 events in 3 streams of postgres 127\.0\.0\.1:\d+\/inturn_test_\w+\n$/)
  folder.write('bookings.ndjson', bookings(1, 705))
  const again = await run('append', 'bookings.ndjson', '--json', '--log', url)
  expect(again).toMatchObject({ code: 0, stderr: '' })
  const lines = again.stdout.trim().split('\n')
  expect(lines.length).toBe(705)
  expect(JSON.parse(lines[704] ?? '')).toMatchObject({
    id: 'b705',
    sequence: 235,
    place: 705,
    duplicate: false,
  })
  const exported = await run('read', '--all', '--json', '--log', url)
  folder.write('export.ndjson', exported.stdout)
  const audit = await run('audit', 'export.ndjson', '--id', 'id', '--start', '1', '--json')
  expect(JSON.parse(audit.stdout)).toMatchObject({ clean: true, events: 705, streams: 3 })
  const wrong = await run('read', '--all', '--log', 'postgres://127.0.0.1:1/bank')
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be reached') as string })
})

test('a relay sends the log to its end and ends, and the next one sends what is new', async () => {
  folder.write(
    'inturn.relay.ts',
    `import { defineRelay } from ${sourceUrl('producer/relay.ts')}
    import { postgresEventLog } from ${sourceUrl('stores/postgres.ts')}
    import { sqliteStore } from ${sourceUrl('stores/sqlite.ts')}
    import { fileSink } from ${sourceUrl('transports/file.ts')}
    export default defineRelay({
      name: 'orders',
      log: postgresEventLog('${database.url}'),
      store: sqliteStore('relay.db'),
      sink: fileSink('events.ndjson'),
    })`,
  )
  for (const [first, last, sent] of [
    [1, 30, 30],
    [31, 35, 5],
  ] as const) {
    folder.write('bookings.ndjson', bookings(first, last))
    await run('append', 'bookings.ndjson', '--log', database.url)
    const relay = await run('relay', '--until', 'caught-up')
    expect(relay.stderr).toContain(`ended after ${sent} events`)
    expect(relay.code).toBe(0)
  }
})

// Gaps healed by `inturn run` on a real database: what the source never brought comes from an archive or a
// service, also when the worker is killed while it heals. I1, I2 and I3.
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { HealServer } from '../unit/transports/heal-server.ts'
import type { Running, TestFolder } from './run-inturn.ts'
import { inturn, sourceUrl, startInturn, testFolder } from './run-inturn.ts'

let folder: TestFolder
let running: Running | undefined
beforeEach(() => {
  folder = testFolder()
  const database = new DatabaseSync(join(folder.path, 'billing.db'))
  database.exec('CREATE TABLE journal (entry INTEGER PRIMARY KEY, stream TEXT, sequence INTEGER)')
  database.close()
})
afterEach(async () => {
  running?.child.kill('SIGKILL')
  await running?.ended
  folder.remove()
})

const config = (healer: string, heal: string, effects = 'transaction'): string => `
  import { contiguous } from ${sourceUrl('core/numbering.ts')}
  import { sqliteStore } from ${sourceUrl('stores/sqlite.ts')}
  import { fileHealer, fileSource } from ${sourceUrl('transports/file.ts')}
  import { httpHealer } from ${sourceUrl('transports/http.ts')}
  import { DatabaseSync } from 'node:sqlite'
  const journal = new DatabaseSync('effects.db')
  journal.exec('PRAGMA synchronous = OFF; PRAGMA busy_timeout = 5000')
  journal.exec('CREATE TABLE IF NOT EXISTS journal (stream TEXT, sequence INTEGER)')
  const insert = 'INSERT INTO journal (stream, sequence) VALUES (?, ?)'
  export default {
    consumer: 'billing',
    claim: '2s',
    store: sqliteStore('billing.db'),
    source: fileSource('events.ndjson', { checkpointMs: 50 }),
    domains: {
      account: {
        numbering: contiguous(),
        gap: { heal: { with: ${healer}, ${heal} } },
        effects: '${effects}',
        handle: ({ stream, sequence }, { transaction }) => {
          if (transaction === undefined) journal.prepare(insert).run(stream, Number(sequence))
          else transaction.run(insert, stream, Number(sequence))
        },
      },
    },
  }`

const rowsOf = (database = 'billing.db'): Record<string, number[]> => {
  const opened = new DatabaseSync(join(folder.path, database), { readOnly: true, timeout: 5_000 })
  const rows: Record<string, number[]> = {}
  for (const { stream, sequence } of opened.prepare('SELECT * FROM journal ORDER BY rowid').all()) {
    const own = (rows[String(stream)] ??= [])
    own.push(Number(sequence))
  }
  opened.close()
  return rows
}

const [streams, each] = [30, 40]
const allEvents = Array.from({ length: streams * each }, (_, index) => {
  const [stream, sequence] = [`s${index % streams}`, Math.floor(index / streams) + 1]
  return { stream, sequence, id: `${stream}#${sequence}`, data: { index } }
})
const complete = Object.fromEntries(
  Array.from({ length: streams }, (_, index) => [
    `s${index}`,
    Array.from({ length: each }, (__, at) => at + 1),
  ]),
)
const linesOf = (list: readonly unknown[]): string =>
  list.map((event) => `${JSON.stringify(event)}\n`).join('')

/** The source drops a fifth; the last events of all streams come, so that every gap is seen. */
function writeLossySource(): void {
  const random = new SeededRandom(11)
  const sent = allEvents.filter(({ sequence }) => sequence === each || !random.chance(0.2))
  folder.write('events.ndjson', linesOf(sent))
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(20)
}

test.each(['transaction', 'external'])(
  '%s: what the source dropped comes from an archive, in order',
  async (effects) => {
    writeLossySource()
    folder.write('archive.ndjson', linesOf(allEvents))
    folder.write('inturn.config.ts', config(`fileHealer('archive.ndjson')`, 'after: 0', effects))
    const ran = await inturn(folder.path, 'run', '--until', 'caught-up')
    expect([ran.code, ran.stderr]).toEqual([0, expect.stringContaining('events healed')])
    expect(ran.stderr).toMatch(/account\/s\d+: numbers? \d+.* asked for \(attempt 1\), \d+ came/)
    expect(rowsOf(effects === 'transaction' ? 'billing.db' : 'effects.db')).toEqual(complete)
    const verified = await inturn(folder.path, 'verify')
    expect([verified.code, verified.stdout]).toEqual([0, expect.any(String)])
  },
)

test('killed while a service is asked, the worker that is started next heals what is left', async () => {
  writeLossySource()
  const server = await HealServer.start('ndjson')
  try {
    server.answer = () => undefined
    const heal = `after: 0, timeout: '3s', backoff: '50ms'`
    folder.write('inturn.config.ts', config(`httpHealer(${JSON.stringify(server.template)})`, heal))
    running = startInturn(folder.path, 'run')
    await until(() => server.requests.length > 0)
    running.child.kill('SIGKILL')
    await running.ended
    server.answer = undefined
    server.events.push(...allEvents)
    const ran = await inturn(folder.path, 'run', '--until', 'caught-up')
    expect([ran.code, ran.stderr]).toEqual([0, expect.stringContaining('events healed')])
    expect(rowsOf()).toEqual(complete)
    const gaps = await inturn(folder.path, 'gaps', '--json')
    expect([gaps.code, gaps.stdout.trim()]).toEqual([0, ''])
  } finally {
    await server.close()
  }
})

test('a gap that nobody can heal is shown with what was tried', async () => {
  folder.write('events.ndjson', linesOf(allEvents.slice(streams, streams + 1)))
  folder.write('archive.ndjson', '')
  folder.write(
    'inturn.config.ts',
    config(`fileHealer('archive.ndjson')`, `after: 0, attempts: 2, backoff: 0`),
  )
  const ran = await inturn(folder.path, 'run', '--until', 'caught-up')
  expect([ran.code, ran.stderr]).toEqual([
    1,
    expect.stringContaining('number 1 asked for (attempt 2), none came'),
  ])
  const gaps = await inturn(folder.path, 'gaps', '--config', 'inturn.config.ts')
  expect(gaps.stdout).toMatch(/2 of 2/)
  const json = await inturn(folder.path, 'gaps', '--json', '--config', 'inturn.config.ts')
  expect(JSON.parse(json.stdout)).toMatchObject({ healing: { attempts: 2, attemptsMax: 2 } })
})

// What the operators' commands say: numbers of a counter that wraps as they are on the wire, and streams and
// dead letters that are not there.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { inturn, sourceUrl, testFolder } from './run-inturn.ts'
import type { Ran, TestFolder } from './run-inturn.ts'

let folder: TestFolder
beforeEach(() => {
  folder = testFolder()
  folder.write('inturn.config.ts', config)
  const numbers = Array.from({ length: 20 }, (_, index) => index % 16).filter((_, index) => index !== 18)
  const lines = numbers.map((sequence) => `${JSON.stringify({ stream: 'a', sequence, data: {} })}\n`)
  folder.write('events.ndjson', lines.join(''))
})
afterEach(() => folder.remove())

const config = `
  import { contiguous } from ${sourceUrl('core/numbering.ts')}
  import { sqliteStore } from ${sourceUrl('stores/sqlite.ts')}
  import { fileSource } from ${sourceUrl('transports/file.ts')}
  export default {
    consumer: 'billing',
    store: sqliteStore('billing.db'),
    source: fileSource('events.ndjson'),
    domains: {
      meter: {
        numbering: contiguous({ start: 0, modulus: 16 }),
        effects: 'external',
        handle: () => undefined,
      },
    },
  }`

const run = (...args: readonly string[]): Promise<Ran> => inturn(folder.path, ...args)
const signed = ['--by', 'ann', '--reason', 'because']

test('an action on a counter that wraps names numbers as on the wire, unwrapped beside them', async () => {
  expect(await run('run', '--until', 'caught-up'), 'an event is held').toMatchObject({ code: 1 })
  const halted = await run('halt', 'meter/a', ...signed)
  expect(halted.stdout).toContain('position 1 (unwrapped 17), 1 held, 2 (unwrapped 18) to 2 (unwrapped 18)')
  const resumed = await run('resume', 'meter/a', ...signed, '--json')
  expect(JSON.parse(resumed.stdout)).toMatchObject({
    before: { position: 1, unwrapped: 17, gap: { from: 2, to: 2 }, halt: { cause: 'operator' } },
    after: { position: 1, unwrapped: 17 },
  })
})

test('dead letters of a stream that is not known are no success', async () => {
  await run('run', '--until', 'caught-up')
  for (const command of ['retry', 'drop']) {
    const ran = await run('dead', command, 'meter/b', '--all-of-stream', ...signed)
    expect(ran).toMatchObject({ code: 1, stdout: 'there are no such dead letters\n' })
    expect(ran.stderr).toContain('consumer billing knows no stream meter/b')
  }
  const none = await run('dead', 'drop', 'meter/a', '--all-of-stream', ...signed)
  expect(none, 'a stream without dead letters is no mistake').toMatchObject({ code: 0 })
})

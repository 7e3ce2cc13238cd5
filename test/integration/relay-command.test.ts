// `inturn relay` as a process: it sends a log to its end, is stopped by a signal, and refuses a configuration
// that cannot be.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sqliteEventLog } from '../../src/stores/sqlite.ts'
import type { TestFolder } from './run-inturn.ts'
import { inturn, sourceUrl, startInturn, testFolder } from './run-inturn.ts'

let folder: TestFolder
beforeEach(() => {
  folder = testFolder()
})
afterEach(() => folder.remove())

const config = `
  import { defineRelay } from ${sourceUrl('producer/relay.ts')}
  import { sqliteEventLog, sqliteStore } from ${sourceUrl('stores/sqlite.ts')}
  import { fileSink } from ${sourceUrl('transports/file.ts')}
  export default defineRelay({
    name: 'orders',
    log: sqliteEventLog('bank.db'),
    store: sqliteStore('bank.db'),
    sink: fileSink('events.ndjson'),
  })`

async function append(count: number): Promise<void> {
  const log = sqliteEventLog(join(folder.path, 'bank.db'))
  const events = Array.from({ length: count }, () => ({ id: crypto.randomUUID(), type: 'booked', data: {} }))
  await log.append({ domain: 'account', stream: '42', events })
  await log.close()
}

function sent(): number {
  const file = join(folder.path, 'events.ndjson')
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0
}

test('until caught up it sends the log and ends, and the next run sends only what is new', async () => {
  folder.write('inturn.relay.ts', config)
  await append(30)
  const first = await inturn(folder.path, 'relay', '--until', 'caught-up')
  expect(first.stderr).toContain('relay orders sends sqlite bank.db to file events.ndjson')
  expect(first.stderr).toContain('ended after 30 events')
  expect(first.code).toBe(0)
  await append(5)
  const second = await inturn(folder.path, 'relay', '--until', 'caught-up')
  expect(second.stderr).toContain('ended after 5 events')
  expect(sent()).toBe(35)
})

test('it goes on as events are appended, until a signal stops it', async () => {
  folder.write('here.ts', config)
  const { child, ended } = startInturn(folder.path, 'relay', '--config', 'here.ts')
  await append(10)
  while (sent() < 10) await sleep(5)
  child.kill('SIGTERM')
  const { code, stderr } = await ended
  expect(stderr).toContain('SIGTERM: finishing what is in hand')
  expect(code).toBe(0)
})

test('what fails is said once, by the logger of the configuration where it has one', async () => {
  const failing = `{
    name: 'nowhere',
    open: async () => { throw new InturnError('sink-unavailable', 'away', { retryable: true }) },
    send: async () => undefined,
    close: async () => undefined,
  }`
  const here = config.replace(/fileSink\('events\.ndjson'\)/, failing)
  const imported = `import { InturnError } from ${sourceUrl('core/errors.ts')}\n`
  const logger = "logger: { warn: () => undefined, error: (text) => console.log(text) }, name: 'orders',"
  const failures = /next try in/
  folder.write('plain.ts', imported + here)
  folder.write('logged.ts', imported + here.replace("name: 'orders',", logger))
  await append(1)
  const plain = startInturn(folder.path, 'relay', '--config', 'plain.ts')
  while (!failures.test(plain.stderr())) await sleep(5)
  plain.child.kill('SIGTERM')
  expect(await plain.ended).toMatchObject({ code: 0, stdout: '' })
  const logged = startInturn(folder.path, 'relay', '--config', 'logged.ts')
  let out = ''
  logged.child.stdout?.on('data', (chunk: Buffer) => void (out += chunk.toString()))
  while (!failures.test(out)) await sleep(5)
  logged.child.kill('SIGTERM')
  const { code, stderr } = await logged.ended
  expect(code).toBe(0)
  expect(stderr).not.toMatch(failures)
})

test('a configuration that is missing or cannot be is refused, and the option is named', async () => {
  const missing = await inturn(folder.path, 'relay')
  expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining('inturn.relay.ts') as string })
  folder.write('inturn.relay.ts', config.replace("name: 'orders',", "name: 'orders', shards: 0,"))
  const wrong = await inturn(folder.path, 'relay')
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('shards takes a whole') as string })
  folder.write('inturn.relay.ts', 'export default 7')
  const number = await inturn(folder.path, 'relay')
  expect(number).toMatchObject({ code: 2, stderr: expect.stringContaining('defineRelay') as string })
})

// `inturn run --http` serves what probes and Prometheus ask for, on the loopback, and `inturn status --check`
// says the same to a shell.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Running, TestFolder } from './run-inturn.ts'
import { inturn, sourceUrl, startInturn, testFolder } from './run-inturn.ts'

let folder: TestFolder
let worker: Running | undefined

beforeEach(() => {
  folder = testFolder()
})
afterEach(async () => {
  worker?.child.kill('SIGKILL')
  await worker?.ended
  worker = undefined
  folder.remove()
})

const config = `
  import { contiguous } from ${sourceUrl('core/numbering.ts')}
  import { sqliteStore } from ${sourceUrl('stores/sqlite.ts')}
  import { fileSource } from ${sourceUrl('transports/file.ts')}
  export default {
    consumer: 'billing',
    store: sqliteStore('billing.db'),
    source: fileSource('events.ndjson', { follow: true }),
    domains: {
      account: {
        numbering: contiguous(),
        effects: 'external',
        failure: { attempts: 1 },
        handle: ({ stream }) => { if (stream === 'bad') throw new Error('no money') },
      },
    },
  }`

async function until<Value>(
  look: () => Promise<Value> | Value,
  isIt: (value: Value) => boolean,
): Promise<Value> {
  for (;;) {
    const value = await look()
    if (isIt(value)) return value
    await sleep(50)
  }
}

test('a stopped stream is seen by a scrape, a probe and a shell', async () => {
  folder.write('inturn.config.ts', config)
  const line = (stream: string): string => JSON.stringify({ stream, sequence: 1, id: stream, data: {} })
  folder.write('events.ndjson', `${line('good')}\n${line('bad')}\n`)
  const started = startInturn(folder.path, 'run', '--http', '0', '--wedged-after', '0')
  worker = started
  const said = await until(
    () => /at (http:\/\/127\.0\.0\.1:\d+)/.exec(started.stderr())?.[1],
    (url) => url !== undefined,
  )
  const get = async (path: string): Promise<readonly [number, string]> => {
    const response = await fetch(`${said}${path}`)
    return [response.status, await response.text()]
  }
  const [, text] = await until(
    () => get('/metrics'),
    ([, page]) => page.includes('inturn_streams{consumer="billing",state="halted"} 1'),
  )
  expect(text).toContain('inturn_numbers_total{consumer="billing",domain="account",account="delivered"} 1')
  expect(text).toMatch(/messaging_process_duration_seconds_count\{[^}]*error="Error"\} 1/)
  const [status, why] = await until(
    () => get('/readyz'),
    ([, body]) => body.includes('account/bad: halted'),
  )
  expect([status, why]).toEqual([503, expect.stringContaining('Error: no money')])
  expect(await get('/healthz')).toEqual([200, 'ok\n'])
  const check = await inturn(folder.path, 'status', '--check', '--wedged-after', '1')
  expect([check.code, check.stderr]).toEqual([1, expect.stringContaining('account/bad: halted')])
  const patient = await inturn(folder.path, 'status', '--check', '--wedged-after', '1h', '--json')
  expect(patient.code).toBe(0)
  expect(JSON.parse(patient.stdout)).toMatchObject({
    consumers: [{ check: { isReady: true, problems: [] } }],
  })
  await inturn(folder.path, 'skip', 'account/bad', '--expect-position', 'unknown', '--reason', 'no money')
  await until(
    () => get('/readyz'),
    ([again]) => again === 200,
  )
  const told = await until(
    () => started.stderr().match(/^inturn: (?:not ready|ready again).*$/gm),
    (lines) => lines?.at(-1) === 'inturn: ready again',
  )
  const halted = /^inturn: not ready: 1 stream is stuck, the oldest for .*: account\/bad: halted .*no money$/
  expect(told).toEqual([expect.stringMatching(halted), 'inturn: ready again'])
  const wrong = await inturn(folder.path, 'run', '--http', 'anywhere')
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--http takes a port')])
})

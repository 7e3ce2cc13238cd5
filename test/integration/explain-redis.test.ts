// What `inturn explain` says of streams over Redis is true, each line that it suggests works as it is pasted,
// with the store as it was named, and what is wrong with a store's URL is said. I6, I10.
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { redisStore } from '../../src/stores/redis.ts'
import type { TestClient } from '../conformance/stores/redis-fixture.ts'
import { connectedClient, ownPrefix } from '../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../services/redis-server.ts'
import { startRedis } from '../services/redis-server.ts'
import type { Ran, Running, TestFolder } from './run-inturn.ts'
import { inturn, pasteLine, sourceUrl, startInturn, testFolder } from './run-inturn.ts'

let server: RedisServer
let client: TestClient
let folder: TestFolder
let worker: Running | undefined
let prefix: string

beforeAll(async () => {
  server = await startRedis()
  client = await connectedClient(server.url)
})
beforeEach(() => {
  folder = testFolder()
  prefix = ownPrefix()
  // No command finds it by itself: only what a line names is used.
  folder.write('worker.config.ts', config())
  folder.write('events.ndjson', '')
})
afterEach(async () => {
  worker?.child.kill('SIGKILL')
  await worker?.ended
  worker = undefined
  folder.remove()
})
afterAll(async () => {
  client.destroy()
  await server.stop()
})

/** An event's data says what its handler does, until there is a file `mended`. */
function config(): string {
  return `
    import { existsSync } from 'node:fs'
    import { contiguous } from ${sourceUrl('core/numbering.ts')}
    import { redisStore } from ${sourceUrl('stores/redis.ts')}
    import { fileSource } from ${sourceUrl('transports/file.ts')}
    const handle = ({ data }) => {
      if (data === 'kill') process.kill(process.pid, 'SIGKILL')
      if (data === 'fail' && !existsSync('mended')) throw new Error('no money')
    }
    const domain = { numbering: contiguous(), effects: 'external', handle }
    export default {
      consumer: 'billing',
      store: redisStore('${server.url}', { prefix: '${prefix}', onWarning: () => {} }),
      source: fileSource('events.ndjson', { follow: true, checkpointMs: 50, pollMs: 20 }),
      sweepEvery: '50ms',
      claim: '10m',
      domains: {
        account: { ...domain, failure: { attempts: 1 } },
        slow: { ...domain, failure: { attempts: 5, backoff: 3_600_000 } },
      },
    }`
}

function arrive(path: string, numbers: readonly number[], data: 'fail' | 'kill' | 'fine' = 'fine'): void {
  const [domain = '', stream = ''] = path.split('/')
  for (const sequence of numbers) {
    const line = JSON.stringify({ domain, stream, sequence, id: `${path}#${sequence}`, data })
    appendFileSync(join(folder.path, 'events.ndjson'), `${line}\n`)
  }
}

function storeUrl(): string {
  return `${server.url}/0?prefix=${prefix}`
}

async function withStore(...args: readonly string[]): Promise<Ran> {
  return inturn(folder.path, ...args, '--store', storeUrl())
}

/** The exit code and all that was said. */
function told({ code, stdout, stderr }: Ran): string {
  return `${code}: ${stdout}${stderr}`
}

/** The explanation of a stream, once it has these words. */
async function explained(stream: string, ...words: readonly string[]): Promise<string> {
  for (;;) {
    const text = told(await withStore('explain', stream))
    if (words.every((word) => text.includes(word))) return text
    if (worker?.child.exitCode !== null) throw new Error(`the worker has ended: ${worker?.stderr() ?? ''}`)
    await sleep(50)
  }
}

interface Explained {
  readonly actions: readonly { readonly command: string; readonly line: string }[]
}

/** Pastes the line that is suggested for a command. */
async function paste(stream: string, command: string, ...flags: readonly string[]): Promise<Ran> {
  const { stdout } = await withStore('explain', stream, '--json', ...flags)
  const action = (JSON.parse(stdout) as Explained).actions.find((one) => one.command === command)
  if (action === undefined) throw new Error(`${stream}: no ${command} is suggested`)
  return pasteLine(folder.path, action.line.replace('"..."', '"because of it"'))
}

test('each suggested line works as it is pasted, with the store as named', async () => {
  for (const stream of ['retry', 'skip', 'resume']) {
    arrive(`account/${stream}`, [1])
    arrive(`account/${stream}`, [2], 'fail')
    arrive(`account/${stream}`, [3])
  }
  for (const stream of ['lost', 'fill']) arrive(`account/${stream}`, [1, 4])
  arrive('account/stopped', [1])
  worker = startInturn(folder.path, 'run', '--config', 'worker.config.ts')
  for (const stream of ['retry', 'skip', 'resume']) {
    await explained(`account/${stream}`, 'It is halted: its next event failed at every attempt.')
  }
  folder.write('mended', '')
  for (const command of ['retry', 'skip', 'resume']) {
    expect(told(await paste(`account/${command}`, command))).toMatch(/^0: /)
    await explained(`account/${command}`, 'It waits for nothing', 'it stands at 3')
  }
  for (const stream of ['lost', 'fill']) await explained(`account/${stream}`, 'It waits for numbers 2 to 3')
  // What is done over a gap needs the rules of the domain.
  const rules = ['--config', 'worker.config.ts']
  expect(told(await paste('account/lost', 'skip', ...rules))).toMatch(/^0: .*2 to 3 are lost/)
  expect(told(await paste('account/fill', 'fill', ...rules))).toMatch(/^0: .*2 to 3 will never come/)
  for (const stream of ['lost', 'fill']) await explained(`account/${stream}`, 'it stands at 4')

  expect(told(await withStore('halt', 'account/stopped', '--reason', 'look'))).toMatch(/^0: /)
  expect(told(await paste('account/stopped', 'resume'))).toMatch(/^0: .*its halt has ended/)
  expect(told(await withStore('pause', 'account', '--reason', 'deploy'))).toMatch(/^0: /)
  await explained('account/stopped', 'The domain account is paused', 'reason: deploy')
  expect(told(await paste('account/stopped', 'resume'))).toMatch(/^0: the domain account goes on/)
  expect(told(await withStore('verify'))).toMatch(/^0: .*everything adds up/)
})

test('a stream in backoff, one handed over and one with a dead worker are told', async () => {
  arrive('slow/b', [1])
  arrive('slow/b', [2], 'fail')
  worker = startInturn(folder.path, 'run', '--config', 'worker.config.ts')
  const backoff = await explained('slow/b', 'Its next event, 2, failed.', 'the error: Error: no money')
  expect(backoff).toMatch(/Next: attempt \d+ is due at \d{4}-/)
  expect((await withStore('status')).stdout).toMatch(/failing +slow\/b .* in .*event 2: Error: no money/)

  arrive('account/o', [1])
  await explained('account/o', 'it stands at 1')
  const store = redisStore(server.url, { prefix, onWarning: () => undefined })
  await store.open()
  const claim = { consumer: 'billing', worker: 'holder', streams: ['account/o'], mode: 'claim' } as const
  await store.work({ ...claim, claimMs: 600_000 }, async () => {
    arrive('account/o', [2])
    const text = await explained('account/o', '1 event in its inbox, not decided yet')
    expect(text).toContain('A worker has it in hand')
    expect(text).toContain('the worker holder has it now')
    expect(text).toContain('Next: a worker takes it at its next round.')
  })
  await store.close()
  await explained('account/o', 'it stands at 2')

  arrive('account/o', [3], 'kill')
  arrive('account/new', [1], 'kill')
  await worker.ended
  const dead = await explained('account/o', 'no worker is reading (last ')
  expect(dead).toContain('has it now')
  expect(dead).toContain('if it died, its claim ends by itself, and the next one to read goes on')
  expect(told(await withStore('verify'))).toMatch(/^0: /)
})

test('of a stream whose first event is in hand, who has it', async () => {
  const store = redisStore(server.url, { prefix, onWarning: () => undefined })
  await store.open()
  const claim = { consumer: 'billing', worker: 'holder', streams: ['account/n'], mode: 'claim' } as const
  await store.checkpoint('billing', 'x', 'y')
  await store.work({ ...claim, claimMs: 600_000 }, async () => {
    expect(told(await withStore('explain', 'account/n'))).toMatch(
      /^1: .*knows no stream account\/n yet: worker holder has its first events in hand, since \d{4}-/,
    )
  })
  await store.close()
})

test('a store that nobody has opened is told, and reading makes nothing', async () => {
  const because = ['--reason', 'x']
  const commands = [
    ['status'],
    ['gaps', '--json'],
    ['explain', 'account/a'],
    ['verify'],
    ['retry', 'account/a', ...because],
    ['pause', 'account', ...because],
    ['dead', 'retry', 'account/a', '--all-of-stream', ...because],
  ]
  for (const ran of await Promise.all(commands.map(async (command) => withStore(...command)))) {
    const word = `is no inturn store yet: no worker has opened it (it has no key {${prefix}}:layout)`
    expect(told(ran)).toMatch(/^1: inturn: redis /)
    expect(told(ran)).toContain(word)
  }
  expect(await client.sendCommand(['KEYS', `{${prefix}*`])).toEqual([])
  expect(told(await inturn(folder.path, 'verify', '--config', 'worker.config.ts'))).toContain(
    'no inturn store yet',
  )
})

test('what is wrong with a URL is said, without its password', async () => {
  const user = `test-${prefix}`
  await client.sendCommand(['ACL', 'SETUSER', user, 'on', '>secret', '~*', '+@all'])
  const { host } = new URL(server.url)
  const faults: readonly (readonly [url: string, word: RegExp])[] = [
    [`redis://${user}:wrong@${host}`, /^1: .*user or password is wrong/],
    ['redis://127.0.0.1:1', /^1: .*redis 127.0.0.1:1 cannot be reached \(.*ECONNREFUSED/],
    [`redis://${host}/9999`, /^1: .*\/9999: it has no database of the number in the URL.*out of range/],
    [`redis://${host}/nine`, /^2: .*takes a URL like redis:/],
    ['redis://', /^2: .*takes a URL like redis:/],
    [`redis://${host}?prefx=a`, /^2: .*takes \?prefix=, not \?prefx=/],
    ['mysql://localhost', /^2: .*--store takes sqlite:/],
  ]
  for (const [url, word] of faults) {
    const text = told(await inturn(folder.path, 'status', '--store', url))
    expect(text).toMatch(word)
    expect(text).not.toMatch(/wrong@|secret/)
  }
  await client.sendCommand(['ACL', 'DELUSER', user])
})

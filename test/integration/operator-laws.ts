// An operator's commands as processes beside a worker that runs over a server: each gets its stream between
// the worker's claims, and the worker goes on from there. The same for every store that has a server. I3, I5.
import { appendFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Ran, Running, TestFolder } from './run-inturn.ts'
import { inturn, sourceUrl, startInturn, testFolder } from './run-inturn.ts'

/** The parts of a configuration that differ from store to store, as code. */
export interface StoreInConfig {
  readonly imports: string
  readonly store: string
  readonly effects: 'external' | 'transaction'
  /** What the handler does with an event of `stream` and `sequence`, given its `transaction`. */
  readonly effect: string
}

let folder: TestFolder
let worker: Running | undefined

/** A handler fails while there is a file of the event's number. */
function configOf({ imports, store, effects, effect }: StoreInConfig): string {
  return `
    import { appendFileSync, existsSync } from 'node:fs'
    import { contiguous } from ${sourceUrl('core/numbering.ts')}
    import { fileSource } from ${sourceUrl('transports/file.ts')}
    ${imports}
    const pastOf = ({ stream, epoch, from, to }) =>
      Array.from({ length: to - from + 1 }, (_, at) => {
        const sequence = from + at
        return { domain: 'account', stream, epoch, sequence, id: stream + '#' + sequence, data: {} }
      })
    const failing = async ({ stream, sequence }, { transaction }) => {
      ${effect}
      if (existsSync('fails-' + sequence)) throw new Error('no money')
    }
    const domain = { numbering: contiguous(), effects: '${effects}', handle: failing }
    export default {
      consumer: 'billing',
      store: ${store},
      source: fileSource('events.ndjson', { follow: true, checkpointMs: 50, pollMs: 20 }),
      sweepEvery: '50ms',
      domains: {
        account: {
          ...domain,
          types: ['account'],
          failure: { attempts: 2, backoff: 10 },
          gap: { heal: { after: '1d', with: { name: 'archive', heal: async (asked) => pastOf(asked) } } },
        },
        mail: { ...domain, types: ['mail'], failure: { attempts: 1, backoff: 1, then: 'dead-letter' } },
      },
    }`
}

function arrive(domain: 'account' | 'mail', ...numbers: readonly number[]): void {
  const lines = numbers.map((sequence) => ({ domain, stream: 'a', sequence, id: `a#${sequence}`, data: {} }))
  appendFileSync(
    join(folder.path, 'events.ndjson'),
    lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
  )
}

/** Runs a command in the folder of the test. */
export async function command(...args: readonly string[]): Promise<Ran> {
  return inturn(folder.path, ...args)
}

/** Runs a command that must be granted. */
async function act(...args: readonly string[]): Promise<string> {
  const ran = await command(...args, '--by', 'ann', '--reason', 'because')
  expect(ran, ran.stderr).toMatchObject({ code: 0 })
  return ran.stdout
}

/** The exit code and all that was said. */
export function told({ code, stdout, stderr }: Ran): string {
  return `${code}: ${stdout}${stderr}`
}

interface Stood {
  readonly position: { readonly sequence: number } | null
  readonly standing: string
  readonly held: number
}

/** Waits until a stream stands as it should. */
async function until(stream: string, isSo: (stood: Stood) => boolean): Promise<void> {
  for (;;) {
    const { code, stdout } = await command('explain', stream, '--json')
    if (code === 0 && isSo(JSON.parse(stdout) as Stood)) return
    if (worker?.child.exitCode !== null) throw new Error(`the worker has ended: ${worker?.stderr() ?? ''}`)
    await sleep(50)
  }
}

async function untilAt(stream: string, position: number): Promise<void> {
  await until(stream, (stood) => stood.position?.sequence === position && stood.held === 0)
}

async function end(): Promise<void> {
  worker?.child.kill('SIGTERM')
  expect(await worker?.ended).toMatchObject({ code: 0 })
  expect(told(await command('verify'))).toContain('0: billing: everything adds up')
}

async function carryOn(): Promise<void> {
  folder.write('fails-3', '')
  arrive('account', 1, 2, 3, 4, 5)
  worker = startInturn(folder.path, 'run')
  await until('account/a', ({ standing }) => standing === 'halted')
  expect((await command('status')).stdout).toMatch(/account\/a.*halted/)
  const moved = await command('retry', 'account/a', '--reason', 'x', '--expect-position', '1')
  expect(told(moved)).toContain('1: ')
  expect(told(moved)).toContain('the position is 2 now')
  rmSync(join(folder.path, 'fails-3'))
  expect(await act('retry', 'account/a', '--expect-position', '2')).toContain('tried again now')
  await untilAt('account/a', 5)

  arrive('account', 8, 9)
  await until('account/a', ({ standing }) => standing === 'gap')
  await act('skip', 'account/a', '--sequence', '6')
  await untilAt('account/a', 9)

  await act('halt', 'account/a')
  arrive('account', 10, 13)
  await until('account/a', ({ held }) => held === 2)
  expect(await act('fill', 'account/a', '--from', '11', '--to', '12')).toContain('never come')
  expect(await act('resume', 'account/a')).toContain('its halt has ended')
  await untilAt('account/a', 13)

  await act('pause', 'account')
  arrive('account', 14)
  await until('account/a', ({ held }) => held === 1)
  expect(await act('resume', 'account')).toContain('1 waiting stream is due')
  await untilAt('account/a', 14)

  await act('seek', 'account/a', '--to', '16')
  expect(await act('seek', 'account/a', '--to', '12', '--expect-position', '16')).toContain('handed over')
  await untilAt('account/a', 16)
  await end()
  const { stdout } = await command('ledger', 'account/a', '--json')
  const kinds = stdout.trim().split('\n')
  expect(kinds.map((entry) => (JSON.parse(entry) as { kind: string }).kind)).toEqual(
    ['halted', 'retried', 'lost', 'skipped', 'halted', 'fill-given', 'resumed', 'filled'].concat([
      'lost',
      'sought',
      'recalled',
      'sought',
    ]),
  )
  expect((await command('ledger')).stdout).toMatch(/paused +domain account .* ann +because/)
}

async function tryAgain(): Promise<void> {
  folder.write('fails-2', '')
  arrive('mail', 1, 2, 3)
  worker = startInturn(folder.path, 'run')
  await untilAt('mail/a', 3)
  expect((await command('dead')).stdout).toMatch(/failed +mail\/a/)
  rmSync(join(folder.path, 'fails-2'))
  const asked = await Promise.all([
    command('dead', 'retry', 'mail/a', '--all-of-stream', '--reason', 'x'),
    command('dead', 'retry', 'mail/a', '--all-of-stream', '--reason', 'x'),
  ])
  expect(asked.map(({ code }) => code)).toContain(0)
  while (!worker.stderr().includes('a dead letter, was tried again: it succeeded')) {
    if (worker.child.exitCode !== null) throw new Error(`the worker has ended: ${worker.stderr()}`)
    await sleep(20)
  }
  expect((await command('dead', '--json')).stdout).toBe('')
  await end()
  expect(worker.stderr().match(/was tried again/g)).toHaveLength(1)
}

/** The tests, over a store as its configuration has it before each of them. */
export function operatorLaws(storeInConfig: () => StoreInConfig): void {
  beforeEach(() => {
    folder = testFolder()
    folder.write('inturn.config.ts', configOf(storeInConfig()))
    folder.write('events.ndjson', '')
  })
  afterEach(async () => {
    worker?.child.kill('SIGKILL')
    await worker?.ended
    worker = undefined
    folder.remove()
  })

  test('each action is carried on by the worker, and the books balance', carryOn)
  test('a dead letter is tried again by the worker, once', tryAgain)
}

// An operator's commands as processes beside a worker that runs: on SQLite, with both kinds of effects, each
// gets its stream between the worker's transactions or claims, and the worker goes on from there. I3, I5.
import { appendFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Ran, Running, TestFolder } from './run-inturn.ts'
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

/** Each handled event is a line of `handled`; a handler fails while there is a file of the event's number. */
function config(effects: 'transaction' | 'external'): string {
  return `
    import { appendFileSync, existsSync } from 'node:fs'
    import { contiguous } from ${sourceUrl('core/numbering.ts')}
    import { sqliteStore } from ${sourceUrl('stores/sqlite.ts')}
    import { fileSource } from ${sourceUrl('transports/file.ts')}
    const pastOf = ({ stream, epoch, from, to }) =>
      Array.from({ length: to - from + 1 }, (_, at) => {
        const sequence = from + at
        return { domain: 'account', stream, epoch, sequence, id: stream + '#' + sequence, data: {} }
      })
    export default {
      consumer: 'billing',
      store: sqliteStore('billing.db'),
      source: fileSource('events.ndjson', { follow: true, checkpointMs: 50 }),
      sweepEvery: '50ms',
      domains: {
        account: {
          numbering: contiguous(),
          effects: '${effects}',
          failure: { attempts: 2, backoff: 10 },
          gap: { heal: { after: '1d', with: { name: 'archive', heal: async (asked) => pastOf(asked) } } },
          handle: ({ stream, sequence }) => {
            if (existsSync('fails-' + sequence)) throw new Error('no money')
            appendFileSync('handled', stream + ':' + sequence + '\\n')
          },
        },
      },
    }`
}

function arrive(...numbers: readonly number[]): void {
  const lines = numbers.map((sequence) => ({ stream: 'a', sequence, id: `a#${sequence}`, data: {} }))
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
  appendFileSync(join(folder.path, 'events.ndjson'), text)
}

async function command(...args: readonly string[]): Promise<Ran> {
  return inturn(folder.path, ...args)
}

/** Runs a command that must be granted. */
async function act(...args: readonly string[]): Promise<string> {
  const ran = await command(...args, '--by', 'ann', '--reason', 'because')
  expect(ran, ran.stderr).toMatchObject({ code: 0 })
  return ran.stdout
}

/** The exit code and all that was said. */
function told({ code, stdout, stderr }: Ran): string {
  return `${code}: ${stdout}${stderr}`
}

interface Explained {
  readonly position: { readonly sequence: number } | null
  readonly standing: string
  readonly held: number
}

interface Stood {
  readonly position: unknown
  readonly standing: string
  readonly held: number
}

/** Waits until the stream stands as it should. */
async function until(isSo: (stood: Stood) => boolean): Promise<void> {
  for (;;) {
    const { code, stdout } = await command('explain', 'account/a', '--json')
    if (code === 0) {
      const { standing, held, position } = JSON.parse(stdout) as Explained
      if (isSo({ standing, held, position: position?.sequence })) return
    }
    if (worker?.child.exitCode !== null) throw new Error(`the worker has ended: ${worker?.stderr() ?? ''}`)
    await sleep(50)
  }
}

describe.each(['transaction', 'external'] as const)('beside a worker with effects: %s', (effects) => {
  test('each action is carried on by the worker, and the books balance', async () => {
    folder.write('inturn.config.ts', config(effects))
    folder.write('events.ndjson', '')
    folder.write('fails-3', '')
    arrive(1, 2, 3, 4, 5)
    worker = startInturn(folder.path, 'run')
    await until(({ standing }) => standing === 'halted')
    const reasonless = await command('retry', 'account/a')
    expect(told(reasonless)).toContain('2: ')
    expect(told(reasonless)).toContain('--reason')
    const moved = await command('retry', 'account/a', '--reason', 'x', '--expect-position', '1')
    expect(told(moved)).toContain('1: ')
    expect(told(moved)).toContain('the position is 2 now')
    rmSync(join(folder.path, 'fails-3'))
    expect(await act('retry', 'account/a', '--expect-position', '2')).toContain('tried again now')
    await until(({ position }) => position === 5)

    arrive(8, 9)
    await until(({ standing }) => standing === 'gap')
    await act('skip', 'account/a', '--sequence', '6')
    await until(({ position }) => position === 9)

    await act('halt', 'account/a')
    arrive(10, 13)
    await until(({ held }) => held === 2)
    expect(await act('fill', 'account/a', '--from', '11', '--to', '12')).toContain('never come')
    expect(await act('resume', 'account/a')).toContain('its halt has ended')
    await until(({ position }) => position === 13)

    await act('pause', 'account')
    arrive(14)
    await until(({ held }) => held === 1)
    expect(await act('resume', 'account')).toContain('1 waiting stream is due')
    await until(({ position }) => position === 14)

    await act('seek', 'account/a', '--to', '16')
    const back = await act('seek', 'account/a', '--to', '12', '--expect-position', '16')
    expect(back).toContain('handed over')
    const slow = await command('seek', 'account/a', '--to', '11', '--by', 'ann', '--reason', 'was at 10')
    expect(told(slow)).toMatch(/^1: inturn: account\/a: its position has moved beyond that/)
    await until(({ position, held }) => position === 16 && held === 0)
    worker.child.kill('SIGTERM')
    await worker.ended

    expect(await command('verify')).toMatchObject({ code: 0 })
    const { stdout } = await command('ledger', 'account/a', '--json')
    const kinds = stdout
      .trim()
      .split('\n')
      .map((entry) => (JSON.parse(entry) as { kind: string }).kind)
    expect(kinds).toEqual(
      ['halted', 'retried', 'lost', 'skipped', 'halted', 'fill-given', 'resumed', 'filled'].concat([
        'lost',
        'sought',
        'recalled',
        'sought',
      ]),
    )
    const { stdout: listed } = await command('ledger')
    expect(listed).toMatch(/paused +domain account .* ann +because/)
  })
})

describe('positions of an existing tracker', () => {
  test('are imported from CSV and NDJSON; what cannot be is told, and the exit code is 1', async () => {
    folder.write('inturn.config.ts', config('transaction'))
    folder.write('positions.csv', 'stream,position,epoch\nx,41,0\n"y/z",7,2\nbad,no,0\n')
    const first = await command(
      'import',
      'positions',
      'positions.csv',
      '--domain',
      'account',
      '--reason',
      'move',
    )
    expect(first).toMatchObject({ code: 1 })
    expect(first.stdout).toContain('2 positions imported, 1 refused')
    expect(first.stdout).toContain('line 4: position-not-an-integer')
    folder.write('more.ndjson', '{"domain":"account","stream":"w","position":3}\n')
    const more = await command('import', 'positions', 'more.ndjson', '--reason', 'move', '--json')
    expect(more.code).toBe(0)
    expect(JSON.parse(more.stdout)).toMatchObject({ imported: 1, refused: 0, refusedRows: [] })
    folder.write('packed.csv.gz', gzipSync('domain;stream;position;epoch\naccount;v;5;2\n'))
    const rows = ['import', 'positions', 'packed.csv.gz', '--reason', 'move']
    expect(told(await command(...rows))).toContain("--delimiter ';'")
    expect((await command(...rows, '--delimiter', ';')).code).toBe(0)
    expect((await command('explain', 'account/v')).stdout).toContain('it stands at 5 of epoch 2')
    const again = await command('import', 'positions', 'more.ndjson', '--reason', 'move')
    expect(told(again)).toContain('1: ')
    expect(told(again)).toContain('it has the position 3 already')
    const redis = await command('import', 'positions', 'redis:pos:*', '--reason', 'move')
    expect(told(redis)).toContain('2: ')
    expect(told(redis)).toContain('redis')
    expect((await command('import', 'positions')).code).toBe(2)
    const absent = await command('import', 'positions', 'no.csv', '--domain', 'account', '--reason', 'move')
    expect(told(absent)).toContain('2: ')
    expect(told(absent)).toContain('Cannot read no.csv')
    expect(await command('verify')).toMatchObject({ code: 0 })
    const { stdout } = await command('explain', 'account/y%2Fz')
    expect(stdout).toContain('it stands at 7 of epoch 2')
  })
})

describe('a database that was made by a worker', () => {
  test('is refused what needs the rules, where only the store is named', async () => {
    folder.write('inturn.config.ts', config('transaction'))
    folder.write('events.ndjson', '')
    arrive(2)
    worker = startInturn(folder.path, 'run')
    await until(({ standing }) => standing === 'gap')
    worker.child.kill('SIGTERM')
    await worker.ended
    const store = ['--store', 'sqlite:billing.db', '--reason', 'x']
    for (const asked of [
      ['skip', 'account/a'],
      ['seek', 'account/a', '--to', '5'],
    ]) {
      const ran = await command(...asked, ...store)
      expect(told(ran)).toContain('2: ')
      expect(told(ran)).toContain('--config')
    }
    expect((await command('halt', 'account/a', ...store)).code).toBe(0)
    const unknown = await command('halt', 'acount/a', ...store)
    expect(told(unknown)).toContain('1: ')
    expect(told(unknown)).toContain('knows no stream acount/a')
    const typo = await command('pause', 'acount', '--reason', 'x')
    expect(told(typo)).toContain('1: ')
    expect(told(typo)).toContain('there are: account')
  })

  test('an epoch in front of a number that would not heed it is wrong usage', async () => {
    for (const asked of [
      ['skip', 'account/a', '--sequence', '1/5'],
      ['seek', 'account/a', '--to', '1/5'],
      ['fill', 'account/a', '--from', '1', '--to', '1/5'],
      ['replay', 'account/a', '--from', '1', '--to', '1/5'],
      ['dead', 'retry', '--key', 'x', '--sequence', '1/5'],
    ]) {
      const ran = await command(...asked, '--reason', 'x')
      expect(told(ran)).toContain('2: ')
      expect(told(ran)).toContain(`${asked.at(-2)} takes a number, not 1/5`)
    }
  })

  test('planted imbalances of what operators bring are found', async () => {
    folder.write('inturn.config.ts', config('transaction'))
    folder.write('positions.ndjson', '{"stream":"a","position":3}\n')
    const imported = ['import', 'positions', 'positions.ndjson', '--domain', 'account', '--reason', 'x']
    expect((await command(...imported)).code).toBe(0)
    await act('seek', 'account/a', '--to', '9')
    await act('seek', 'account/a', '--to', '2', '--expect-position', '9')
    expect((await command('verify')).code).toBe(0)
    for (const kind of ['imported', 'recalled', 'lost']) {
      const database = new DatabaseSync(join(folder.path, 'billing.db'))
      const planted = `UPDATE inturn_ledger SET entry = replace(entry, '"kind":"${kind}"', '"kind":"halted"')`
      database.exec(planted)
      const { code, stdout } = await command('verify')
      expect(stdout).toContain(kind === 'lost' ? 'accounts lost' : `accounts ${kind}`)
      expect(code).toBe(1)
      database.exec(`UPDATE inturn_ledger SET entry = replace(entry, '"kind":"halted"', '"kind":"${kind}"')`)
      database.close()
    }
    expect((await command('verify')).code).toBe(0)
  })
})

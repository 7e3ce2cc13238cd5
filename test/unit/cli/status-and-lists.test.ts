// The commands that read a store: what they print for people and for machines, how they find the store, and
// that reading creates nothing.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestFolder } from '../../integration/run-inturn.ts'
import { inturn, pasteLine, sourceUrl, testFolder } from '../../integration/run-inturn.ts'
import { entry, gappedState, letter, stateOf } from '../operate/stored-stream.ts'
import { storedDatabase } from './stored-database.ts'

let folder: TestFolder
const store = ['--store', 'billing.db'] as const

beforeAll(async () => {
  folder = testFolder()
  const halt = { cause: 'failure', at: 1_000, reason: 'Error: no\u001b[31m money' } as const
  await storedDatabase(
    folder.path,
    {
      stream: 'gap',
      state: gappedState(3, [
        [5, 6],
        [9, 9],
      ]),
      held: [5, 6, 9],
    },
    { stream: 'a/b c', state: { ...gappedState(1, [[2, 2]]), halt }, held: [2] },
    {
      stream: 'lossy',
      state: stateOf({
        position: 4,
        baseline: 1,
        lost: [{ from: 2, to: 2 }],
        counts: { delivered: 2, lost: 1, removed: 1 },
      }),
      ledger: [
        entry('lossy', { kind: 'lost', from: 2, to: 2, reason: 'gap-skipped' }),
        entry('lossy', { kind: 'removed', from: 3, to: 3 }),
      ],
      deadLetters: [letter('lossy', { reason: 'failed', sequence: 3, detail: 'Error: no money' })],
    },
    {
      stream: 'big',
      state: stateOf({ position: 2n ** 60n }),
      deadLetters: [letter('big', { reason: 'late', sequence: 2n ** 60n })],
    },
  )
})
afterAll(() => folder.remove())

async function lines(...args: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  const { stdout, stderr, code } = await inturn(folder.path, ...args, ...store, '--json')
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('inturn status', () => {
  test('tells a consumer in figures', async () => {
    const { stdout, code } = await inturn(folder.path, 'status', ...store)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^consumer +billing$/m)
    expect(stdout).toMatch(/^held +4$/m)
    expect(stdout).toMatch(/^reading +no worker is reading$/m)
    expect(stdout).toMatch(/^account +4 +0$/m)
    expect(stdout).toMatch(/^health +stream +for +attempts +next$/m)
    expect(stdout).toMatch(/^stuck +account\/a%2Fb%20c .* halted \(failure\): Error: no\\u001b\[31m money$/m)
    expect(stdout).toMatch(/^waiting +account\/gap .* number 4 did not come; 3 events are held$/m)
    const advised = stdout.split('What moves one of them: ')[1] ?? ''
    expect(advised).toBe('inturn explain account/a%2Fb%20c --store billing.db\n')
    expect((await pasteLine(folder.path, advised)).stdout).toContain('It is halted')
  })

  test('as one JSON document', async () => {
    const { stdout } = await inturn(folder.path, 'status', ...store, '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      consumers: [
        {
          consumer: 'billing',
          streams: 4,
          held: 4,
          halted: 1,
          deadLetters: 2,
          ledger: 2,
          isReading: false,
          health: {
            total: 2,
            counts: { stuck: 1, failing: 0, slow: 0, waiting: 1 },
            items: [{ kind: 'stuck', stream: 'account/a%2Fb%20c' }, { kind: 'waiting' }],
          },
        },
      ],
    })
  })
})

describe('inturn streams', () => {
  test('lists all, those that wait, those of a domain, and not more than asked', async () => {
    expect((await lines('streams')).map(({ key }) => key)).toEqual(['a/b c', 'big', 'gap', 'lossy'])
    expect((await lines('streams', '--waiting')).map(({ key }) => key)).toEqual(['a/b c', 'gap'])
    expect((await inturn(folder.path, 'streams', '--domain', 'nope', ...store)).stdout).toBe(
      'there are no streams\n',
    )
    expect(await lines('streams', '--limit', '1')).toHaveLength(1)
  })

  test('keeps whole numbers exact, and what stops a stream off the terminal', async () => {
    const { stdout } = await inturn(folder.path, 'streams', ...store, '--json')
    expect(stdout).toContain('"position":1152921504606846976,')
    const table = await inturn(folder.path, 'streams', ...store)
    expect(table.stdout).toContain('halted (failure): Error: no\\u001b[31m money')
    expect(table.stdout).not.toContain('\u001b')
  })
})

describe('inturn gaps', () => {
  test('lists what is missing, and what waits behind it', async () => {
    expect(await lines('gaps')).toMatchObject([
      { stream: 'account/gap', from: 4, to: 4, missing: 1, held: 3, isHead: true },
      { stream: 'account/gap', from: 7, to: 8, missing: 2, held: 1, isHead: false },
    ])
    const { stdout } = await inturn(folder.path, 'gaps', ...store)
    expect(stdout).toMatch(/account\/gap +0 +7 +8 +2 +1 .* not known without --config/)
  })
})

describe('inturn held, dead, ledger', () => {
  test('list all, or those of one stream, however it is written', async () => {
    expect((await lines('held')).map(({ sequence }) => sequence)).toEqual([2, 5, 6, 9])
    expect(await lines('held', 'account/a%2Fb%20c')).toMatchObject([
      { stream: 'account/a%2Fb%20c', key: 'a/b c' },
    ])
    expect(await lines('held', 'account/a/b c')).toHaveLength(1)
    expect((await lines('dead', '--reason', 'failed')).map(({ sequence }) => sequence)).toEqual([3])
    expect(await lines('ledger', 'account/lossy')).toMatchObject([
      { kind: 'lost', from: 2 },
      { kind: 'removed' },
    ])
    expect(await lines('ledger', '--limit', '1')).toHaveLength(1)
  })

  test('show a table to people, and say where it was cut', async () => {
    const { stdout } = await inturn(folder.path, 'held', '--limit', '2', ...store)
    expect(stdout.split('\n')[0]).toMatch(/^stream +epoch +sequence/)
    expect(stdout).toContain('... and more')
    expect((await inturn(folder.path, 'dead', 'account/gap', ...store)).stdout).toBe(
      'there are no dead letters\n',
    )
  })

  test.each(['held', 'dead', 'ledger', 'explain'])(
    '%s: a stream that is not there is exit 1, with similar ones',
    async (command) => {
      const { code, stderr } = await inturn(folder.path, command, 'account/gip', ...store)
      expect(code).toBe(1)
      expect(stderr).toContain('consumer billing knows no stream account/gip; did you mean account/gap')
    },
  )
})

describe('inturn explain', () => {
  test('says in words and in JSON what a stream waits for', async () => {
    const { stdout, code } = await inturn(folder.path, 'explain', 'account/gap', ...store)
    expect(code).toBe(0)
    expect(stdout).toContain('It waits for number 4, which did not come.')
    // What is done over a gap needs the rules: the line says where they come from.
    expect(stdout).toMatch(/inturn skip account\/gap .* --store \S+ --config inturn\.config\.ts$/m)
    const json = await inturn(folder.path, 'explain', 'account/gap', ...store, '--json')
    expect(JSON.parse(json.stdout)).toMatchObject({ standing: 'gap', expects: 4, held: 3 })
  })
})

describe('how the store is found', () => {
  test('a store that is missing is exit 2, and is not created', async () => {
    const { code, stderr } = await inturn(folder.path, 'status', '--store', 'missing.db')
    expect({ code, stderr }).toEqual({ code: 2, stderr: 'inturn: the database missing.db does not exist\n' })
    expect(existsSync(join(folder.path, 'missing.db'))).toBe(false)
  })

  test.each([
    [['--store', 'mysql://somewhere'], '--store takes sqlite:<file>'],
    [[], 'no inturn.config.ts is here'],
    [['--store', 'billing.db', '--limit', '0'], '--limit takes a whole number from 1, not 0'],
    [['--store', 'billing.db', '--consumer', 'nobody'], 'has no consumer nobody; there are: billing'],
    [['--config', 'no.config.ts'], 'the configuration no.config.ts does not exist'],
  ])('%j is exit 2 with one clear line', async (flags, message) => {
    const { code, stderr } = await inturn(folder.path, 'streams', ...flags)
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })

  test('a configuration brings store, consumer and patience', async () => {
    folder.write(
      'some.config.ts',
      `import { contiguous } from ${sourceUrl('core/numbering.ts')}
       import { sqliteStore } from ${sourceUrl('stores/sqlite.ts')}
       import { fileSource } from ${sourceUrl('transports/file.ts')}
       export default {
         consumer: 'billing', store: sqliteStore('billing.db'), source: fileSource('events.ndjson'),
         domains: {
           account: {
             numbering: contiguous(), gap: { patience: '1h', then: 'skip' },
             effects: 'external', handle: () => {},
           },
         },
       }`,
    )
    const { stdout, code } = await inturn(folder.path, 'gaps', '--config', 'some.config.ts')
    expect(code).toBe(0)
    expect(stdout).toContain('skip after 1 h of reading')
    expect((await inturn(folder.path, 'verify', '--config', 'some.config.ts')).stdout).toContain('billing: ')
  })
})

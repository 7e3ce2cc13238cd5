// I3: `inturn verify` finds what was done to a database behind inturn's back, and exits 1.
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { TestFolder } from '../../integration/run-inturn.ts'
import { inturn, pasteLine, testFolder } from '../../integration/run-inturn.ts'
import { stateOf } from '../operate/stored-stream.ts'
import { balancedStreams } from './balanced-streams.ts'
import { storedDatabase } from './stored-database.ts'

let folder: TestFolder
let file: string

beforeEach(async () => {
  folder = testFolder()
  file = await storedDatabase(folder.path, ...balancedStreams)
})
afterEach(() => folder.remove())

interface VerifyOutput {
  readonly isBalanced: boolean
  readonly consumers: readonly {
    readonly imbalances: readonly { readonly check: string; readonly stream?: string }[]
  }[]
}

async function found(): Promise<{ readonly code: number | null; readonly imbalances: readonly string[] }> {
  const { code, stdout } = await inturn(folder.path, 'verify', '--store', 'billing.db', '--json')
  const output = JSON.parse(stdout) as VerifyOutput
  const imbalances = output.consumers.flatMap((consumer) =>
    consumer.imbalances.map(({ check, stream }) => `${check} ${stream ?? ''}`.trim()),
  )
  return { code, imbalances }
}

function plant(sql: string): void {
  const database = new DatabaseSync(file)
  database.exec(sql)
  database.close()
}

describe('a sound store', () => {
  test('balances, with its figures', async () => {
    expect(await inturn(folder.path, 'verify', '--store', 'billing.db')).toEqual({
      code: 0,
      stdout: 'billing: everything adds up (3 streams, 6 deliveries, 2 held)\n',
      stderr: '',
    })
  })
})

describe('a planted imbalance is found:', () => {
  test.each([
    [
      'a changed count of deliveries',
      "UPDATE inturn_stream SET deliveries = 9 WHERE path = 'account/lossy'",
      ['deliveries account/lossy'],
    ],
    [
      'a deleted held event',
      "DELETE FROM inturn_held WHERE sequence = '016'",
      ['held-count account/gap', 'domain'],
    ],
    [
      'a held event moved below the position',
      `UPDATE inturn_held SET event = replace(event, '"sequence":6', '"sequence":2') WHERE sequence = '016'`,
      ['held-place account/gap'],
    ],
    [
      'a deleted ledger',
      'DELETE FROM inturn_ledger',
      ['ledger account/lossy', 'ledger account/lossy', 'dead-letters account/lossy'],
    ],
    [
      'a deleted entry of an inbox',
      "DELETE FROM inturn_inbox_entry WHERE number = '019'",
      ['domain', 'inbox account/full'],
    ],
    ['an inbox that is said to have nothing', 'DELETE FROM inturn_inbox', ['inbox account/full']],
    [
      'a wrong counter of a domain',
      'UPDATE inturn_domain SET held = 7, handed_over = 1',
      ['domain', 'domain'],
    ],
    [
      'a state of another stream',
      `UPDATE inturn_stream SET state = (SELECT state FROM inturn_stream WHERE path = 'account/full')
       WHERE path = 'account/gap'`,
      ['deliveries account/gap', 'held-count account/gap', 'held-place account/gap'],
    ],
  ])('%s', async (_what, sql, expected) => {
    plant(sql)
    expect(await found()).toEqual({ code: 1, imbalances: expected })
  })

  test('and told to people with what was expected and found', async () => {
    plant("UPDATE inturn_stream SET deliveries = 9 WHERE path = 'account/lossy'")
    const { code, stdout } = await inturn(folder.path, 'verify', '--store', 'billing.db')
    expect(code).toBe(1)
    expect(stdout).toMatch(/billing: IT DOES NOT ADD UP/)
    expect(stdout).toMatch(/account\/lossy +deliveries +2 +9 +accounts delivered/)
    expect(stdout).toContain('keep a\ncopy of it before anything is mended')
    const advised = stdout.split('Where such a stream stands: ')[1] ?? ''
    expect(advised).toBe('inturn explain account/lossy --store billing.db\n')
    expect((await pasteLine(folder.path, advised)).stdout).toContain('account/lossy for consumer billing')
  })

  test('a position without its accounts', async () => {
    await storedDatabase(folder.path, {
      stream: 'torn',
      state: stateOf({ position: 5, baseline: 1, counts: { delivered: 4 } }),
    })
    expect(await found()).toEqual({ code: 1, imbalances: ['accounts account/torn'] })
  })
})

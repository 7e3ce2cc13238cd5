// Constraints of a user's own tables that SQLite checks no sooner than at the commit: what breaks one is its
// handler's failure, and stops its own stream alone (I2, I6).
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { contiguous, unordered } from '../../../src/core/numbering.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import { retryDeadLetters } from '../../../src/operate/retry-dead-letters.ts'
import type { Store } from '../../../src/ports/store.ts'
import type { SqliteTransaction } from '../../../src/stores/sqlite.ts'
import { sweepAll } from '../engine/engine-world.ts'
import { account, SqliteFolder } from './sqlite-folder.ts'

let folder: SqliteFolder
let store: Store<SqliteTransaction>
const opened: Processor[] = []

beforeEach(async () => {
  folder = new SqliteFolder()
  store = await folder.store()
  folder.user().exec(`
    CREATE TABLE effect (id INTEGER PRIMARY KEY, text TEXT);
    CREATE TABLE holder (name TEXT PRIMARY KEY);
    CREATE TABLE holding (holder TEXT REFERENCES holder (name) DEFERRABLE INITIALLY DEFERRED);
    PRAGMA foreign_keys = OFF;
    INSERT INTO holding VALUES ('broken before')`)
})
afterEach(async () => {
  for (const processor of opened.splice(0)) await processor.close()
  await folder.remove()
})

/** Streams whose holder nobody has made, and streams whose handlers throw. */
let broken: ReadonlySet<string>
let throwing: ReadonlySet<string>
beforeEach(() => {
  broken = new Set(['b', 'e'])
  throwing = new Set()
})

async function processor(failure: object): Promise<Processor> {
  const own = {
    effects: 'transaction' as const,
    handle: ({ stream, id }: InturnEvent, context: { readonly transaction: SqliteTransaction }) => {
      context.transaction.run('INSERT INTO effect (text) VALUES (?)', id ?? '')
      if (throwing.has(stream)) throw new Error('not now')
      if (broken.has(stream)) context.transaction.run('INSERT INTO holding VALUES (?)', stream)
    },
  }
  const made = createProcessor({
    consumer: 'billing',
    store: await folder.store(),
    sweep: 'manual',
    log: false,
    domains: {
      account: { numbering: contiguous(), failure, ...own },
      chat: { numbering: unordered(), failure: { ...failure, then: 'dead-letter' }, ...own },
    },
  })
  opened.push(made)
  return made
}

function arriving(domain: string, ...places: readonly (readonly [stream: string, sequence: number])[]) {
  return places.map(([stream, sequence]) => {
    return { domain, stream, sequence, id: `${stream}${String(sequence)}`, data: {} }
  })
}

function written(): readonly unknown[] {
  return folder
    .user()
    .prepare('SELECT text FROM effect ORDER BY text')
    .all()
    .map(({ text }) => text)
}

const batch = arriving('account', ['a', 1], ['b', 1], ['c', 1], ['b', 2], ['e', 1], ['a', 2])

test('a handler that breaks one stops its own stream, and the others of the batch go on', async () => {
  const made = await processor({ attempts: 1 })
  const results = await made.process(batch)
  expect(results.map(({ verdict }) => verdict)).toEqual([
    'deliver',
    'hold',
    'deliver',
    'hold',
    'hold',
    'deliver',
  ])
  expect(written()).toEqual(['a1', 'a2', 'c1'])
  const stopped = await store.reader.stream('billing', account('b'))
  expect(stopped?.state).toMatchObject({ failing: { sequence: 1, attempts: 1 }, halt: { cause: 'failure' } })
  expect(stopped?.state.failing?.error).toContain('checked at the commit')
})

test('so it does where another handler of the batch throws', async () => {
  throwing = new Set(['c'])
  const made = await processor({ attempts: 1, then: 'dead-letter' })
  await made.process(batch)
  expect(written()).toEqual(['a1', 'a2'])
  const letters = await store.reader.deadLetters('billing', { limit: 10 })
  expect(letters.map(({ id = '' }) => id).toSorted()).toEqual(['b1', 'b2', 'c1', 'e1'])
})

test('without tracking its event is a dead letter, and the others have their effect', async () => {
  const made = await processor({ attempts: 1 })
  await made.process(arriving('chat', ['a', 1], ['b', 1], ['c', 1]))
  expect(written()).toEqual(['a1', 'c1'])
  const letters = await store.reader.deadLetters('billing', { limit: 10 })
  expect(letters.map(({ reason }) => reason)).toEqual(['failed'])
})

test('a dead letter that is tried again stays one as long as it breaks it', async () => {
  const made = await processor({ attempts: 1, then: 'dead-letter' })
  await made.process(arriving('account', ['b', 1]))
  const target = { store, consumer: 'billing', domains: new Map() }
  const again = { stream: account('b'), by: 'ann', reason: 'repaired' }
  await retryDeadLetters(target, again)
  await sweepAll(made)
  const [letter] = await store.reader.deadLetters('billing', { limit: 10 })
  expect(letter).toMatchObject({ reason: 'failed', attempts: 2 })
  broken = new Set()
  await retryDeadLetters(target, again)
  await sweepAll(made)
  expect(written()).toEqual(['b1'])
  expect(await store.reader.deadLetters('billing', { limit: 10 })).toEqual([])
})

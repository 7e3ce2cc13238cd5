// I3: what does not add up in a store is found, stream by stream; what adds up raises no alarm.
import { describe, expect, test } from 'vitest'
import { increasing } from '../../../src/core/numbering.ts'
import { defaultStreamLimits } from '../../../src/core/rules.ts'
import type { KnownDomains } from '../../../src/operate/domain-rules.ts'
import type { Verification } from '../../../src/operate/verify.ts'
import { verifyConsumer } from '../../../src/operate/verify.ts'
import type { StoreReader } from '../../../src/ports/store-reader.ts'
import type { MemoryStore } from '../../../src/stores/memory.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import type { StreamGiven } from './stored-stream.ts'
import { consumer, entry, gappedState, letter, putStream, stateOf } from './stored-stream.ts'

async function storeWith(...streams: readonly StreamGiven[]): Promise<MemoryStore> {
  const store = memoryStore()
  await store.open()
  for (const given of streams) await putStream(store, given)
  return store
}

/** What a verification comes to: the same, however few streams it has room for at a time. */
async function verified(...streams: readonly StreamGiven[]): Promise<Verification> {
  const store = await storeWith(...streams)
  const view = { reader: store.reader, consumer }
  const result = await verifyConsumer(view, new Map())
  expect(await verifyConsumer(view, new Map(), { streamsMax: 1 })).toEqual(result)
  return result
}

async function checksOf(...streams: readonly StreamGiven[]): Promise<readonly string[]> {
  return (await verified(...streams)).imbalances.map(({ check }) => check)
}

describe('what adds up raises no alarm', () => {
  test('an empty consumer', async () => {
    expect(await verified()).toMatchObject({ isBalanced: true, streams: 0 })
  })

  test('delivered, gapped, filled, lost, late and removed numbers', async () => {
    const result = await verified(
      { stream: 'plain', state: stateOf({ position: 7, baseline: 1, counts: { delivered: 7 } }) },
      {
        stream: 'gap',
        state: gappedState(3, [
          [5, 6],
          [9, 9],
        ]),
        held: [5, 6, 9],
      },
      {
        stream: 'all',
        state: stateOf({
          position: 10,
          baseline: 1,
          lost: [{ from: 2, to: 2 }],
          filled: [{ from: 4, to: 5 }],
          counts: { delivered: 5, lost: 1, late: 1, filled: 2, removed: 1 },
        }),
        ledger: [
          entry('all', { kind: 'lost', from: 2, to: 3 }),
          entry('all', { kind: 'filled', from: 4, to: 5 }),
          entry('all', { kind: 'late', from: 3, to: 3, reason: 'account-lost' }),
          entry('all', { kind: 'late', from: -1, to: -1, reason: 'below-start' }),
          entry('all', { kind: 'removed', from: 6, to: 6 }),
        ],
        deadLetters: [
          letter('all', { reason: 'failed', sequence: 6 }),
          letter('all', { reason: 'late', sequence: 3 }),
        ],
      },
    )
    expect(result).toMatchObject({ isBalanced: true, streams: 3, deliveries: 15, held: 3, imbalances: [] })
  })

  test('events of an ended epoch, removed with it', async () => {
    const state = stateOf({
      epoch: 1,
      position: 2,
      baseline: 1,
      endedNumbers: 4,
      ended: [{ epoch: 0, baseline: 1, position: 4, lost: [{ from: 3, to: 3 }], filled: [] }],
      counts: { delivered: 4, lost: 1, removed: 1 },
    })
    const given = {
      stream: 'a',
      state,
      ledger: [entry('a', { kind: 'lost', from: 3, to: 3 }), entry('a', { kind: 'removed', from: 4, to: 4 })],
      deadLetters: [letter('a', { reason: 'epoch-ended', sequence: 4 })],
    }
    expect(await checksOf(given)).toEqual([])
    expect(await checksOf({ ...given, ledger: given.ledger.slice(0, 1) })).toEqual(['ledger', 'dead-letters'])
  })

  test('a stream whose numbers are not dense, as the configuration or its state says', async () => {
    const rules = { ...defaultStreamLimits, numbering: increasing() }
    const known: KnownDomains = new Map([['account', { rules, failure: { attempts: 5, then: 'halt' } }]])
    const state = stateOf({ position: 1_000, counts: { delivered: 2 } })
    const store = await storeWith({ stream: 'a', state })
    const view = { reader: store.reader, consumer }
    expect((await verifyConsumer(view, known)).isBalanced).toBe(true)
    expect((await verifyConsumer(view, new Map())).isBalanced).toBe(true)
    expect(await checksOf({ stream: 'a', state: { ...state, baseline: 10 } })).toEqual(['accounts'])
  })

  test('what operators did: skipped, sought forwards and backwards, imported', async () => {
    const counts = { delivered: 3, lost: 8, removed: 1, recalled: 2, imported: 4 }
    const state = stateOf({ position: 14, baseline: 1, lost: [{ from: 5, to: 12 }], counts })
    const ledger = [
      entry('a', { kind: 'imported', from: 1, to: 4, by: 'ann' }),
      entry('a', { kind: 'lost', from: 5, to: 12, by: 'ann' }),
      entry('a', { kind: 'sought', from: 12, to: 12, by: 'ann' }),
      entry('a', { kind: 'recalled', from: 13, to: 14, by: 'ann' }),
      entry('a', { kind: 'removed', from: 13, to: 13, by: 'ann' }),
      entry('a', { kind: 'skipped', from: 13, to: 13, by: 'ann' }),
    ]
    const deadLetters = [letter('a', { reason: 'skipped', sequence: 13 })]
    const given = { stream: 'a', state, deadLetters, deliveries: 3 }
    expect(await checksOf({ ...given, ledger })).toEqual([])
    for (const missing of ['imported', 'recalled', 'lost'] as const) {
      const rest = ledger.filter(({ kind }) => kind !== missing)
      expect(await checksOf({ ...given, ledger: rest }), missing).toEqual(['ledger'])
    }
    const rest = ledger.filter(({ kind }) => kind !== 'removed')
    expect(await checksOf({ ...given, ledger: rest })).toEqual(['ledger', 'dead-letters'])
  })
})

describe('each imbalance is found', () => {
  const sound = stateOf({ position: 3, baseline: 1, counts: { delivered: 3 } })

  test('a number without an account, and one with two', async () => {
    expect(await checksOf({ stream: 'a', state: { ...sound, position: 4 } })).toEqual(['accounts'])
    expect(await checksOf({ stream: 'a', state: { ...sound, position: 2 } })).toEqual(['accounts'])
  })

  test('a delivery that no commit counted, with what was expected and found', async () => {
    expect((await verified({ stream: 'a', state: sound, deliveries: 2 })).imbalances).toEqual([
      {
        check: 'deliveries',
        stream: 'account/a',
        expected: '3',
        found: '2',
        detail: 'accounts delivered, and the count of deliveries',
      },
    ])
  })

  test('a held event that is missing, one too many, one at the position, one outside', async () => {
    const state = gappedState(3, [[5, 6]])
    expect(await checksOf({ stream: 'a', state, held: [5] })).toEqual(['held-count'])
    expect(await checksOf({ stream: 'a', state, held: [5, 6, 7] })).toEqual(['held-count', 'held-place'])
    expect(await checksOf({ stream: 'a', state, held: [3, 5] })).toEqual(['held-place'])
    expect(await checksOf({ stream: 'a', state: sound, held: [9] })).toEqual(['held-count', 'held-place'])
  })

  test('held ranges that overlap, or promise more than they hold', async () => {
    const overlapping = gappedState(3, [
      [5, 6],
      [6, 7],
    ])
    expect(await checksOf({ stream: 'a', state: overlapping, held: [5, 6, 7] })).toContain('held-ranges')
    const state = gappedState(3, [[5, 7]])
    const thin = { ...state, heldCount: 2, held: state.held.map((span) => ({ ...span, count: 2 })) }
    expect(await checksOf({ stream: 'a', state: thin, held: [5, 7] })).toEqual(['held-ranges'])
  })

  test('a loss without its ledger entry, and an entry without its loss', async () => {
    const state = stateOf({
      position: 3,
      baseline: 1,
      lost: [{ from: 2, to: 2 }],
      counts: { delivered: 2, lost: 1 },
    })
    expect(await checksOf({ stream: 'a', state })).toEqual(['ledger'])
    const ledger = [entry('a', { kind: 'filled', from: 2, to: 2 })]
    expect(await checksOf({ stream: 'a', state: sound, ledger })).toEqual(['ledger'])
  })

  test('a dead letter of a failed event that was never removed', async () => {
    const deadLetters = [letter('a', { reason: 'failed', sequence: 2 })]
    expect(await checksOf({ stream: 'a', state: sound, deadLetters })).toEqual(['dead-letters'])
  })

  test('a dead letter that is gone, unless the ledger says what became of it', async () => {
    const counts = { delivered: 1, removed: 1, late: 1 }
    const state = stateOf({ position: 3, baseline: 1, counts })
    const ledger = [
      entry('a', { kind: 'removed', from: 1, to: 1 }),
      entry('a', { kind: 'lost', from: 2, to: 2 }),
      entry('a', { kind: 'late', from: 2, to: 2, reason: 'account-lost' }),
    ]
    const failed = letter('a', { reason: 'failed', sequence: 1 })
    const late = letter('a', { reason: 'late', sequence: 2, detail: 'account-lost' })
    expect(await checksOf({ stream: 'a', state, ledger, deadLetters: [failed, late] })).toEqual([])
    expect(await checksOf({ stream: 'a', state, ledger, deadLetters: [failed] })).toEqual(['dead-letters'])
    expect(await checksOf({ stream: 'a', state, ledger, deadLetters: [late] })).toEqual(['dead-letters'])
    for (const kind of ['redriven', 'dropped'] as const) {
      const gone = entry('a', { kind, from: 1, to: 1, before: { key: failed.key, reason: 'failed' } })
      const told = { stream: 'a', state, ledger: [...ledger, gone], deadLetters: [late] }
      expect(await checksOf(told)).toEqual([])
    }
  })

  test('not one of an event that was a dead letter for another reason, or is taken out again', async () => {
    const counts = { delivered: 1, removed: 2, recalled: 1 }
    const state = stateOf({ position: 2, baseline: 1, counts })
    const ledger = [
      entry('a', { kind: 'removed', from: 2, to: 2 }),
      entry('a', { kind: 'recalled', from: 2, to: 2 }),
      entry('a', { kind: 'removed', from: 2, to: 2 }),
    ]
    const deadLetters = [letter('a', { reason: 'implausible', sequence: 2 })]
    expect(await checksOf({ stream: 'a', state, ledger, deadLetters })).toEqual([])
  })

  test('lost ranges that do not cover what is lost, or lie above the position', async () => {
    const state = stateOf({ position: 3, baseline: 1, counts: { delivered: 2, lost: 1 } })
    const ledger = [entry('a', { kind: 'lost', from: 2, to: 2 })]
    expect(await checksOf({ stream: 'a', state, ledger })).toEqual(['accounts'])
    const above = { ...state, lost: [{ from: 8, to: 8 }] }
    expect(await checksOf({ stream: 'a', state: above, ledger })).toEqual(['accounts'])
  })

  test("a domain's counter that is wrong", async () => {
    const store = await storeWith({ stream: 'a', state: gappedState(3, [[5, 6]]), held: [5, 6] })
    const reader = readerWith(store.reader, {
      domains: async () => new Map([['account', { held: 5, handedOver: 1, paused: false }]]),
    })
    const { imbalances } = await verifyConsumer({ reader, consumer }, new Map())
    expect(imbalances).toMatchObject([
      { check: 'domain', domain: 'account', expected: '2', found: '5' },
      { check: 'domain', domain: 'account', expected: '0', found: '1' },
    ])
  })

  test('held events of a stream that the store does not know', async () => {
    const store = await storeWith({ stream: 'a', state: gappedState(3, [[5, 5]]), held: [5] })
    const reader = readerWith(store.reader, { streams: async () => [], stream: async () => undefined })
    const { imbalances } = await verifyConsumer({ reader, consumer }, new Map())
    expect(imbalances).toMatchObject([{ check: 'orphan', stream: 'account/a' }])
  })

  test('accounts of a stream that the store does not know', async () => {
    const store = await storeWith({ stream: 'a', ledger: [entry('a', { kind: 'lost', from: 1, to: 2 })] })
    const reader = readerWith(store.reader, { streams: async () => [], stream: async () => undefined })
    const { imbalances } = await verifyConsumer({ reader, consumer }, new Map())
    expect(imbalances).toMatchObject([{ check: 'orphan', stream: 'account/a' }])
  })

  test('a domain whose counters are gone', async () => {
    const store = await storeWith({ stream: 'a', state: gappedState(3, [[5, 6]]), held: [5, 6] })
    const reader = readerWith(store.reader, { domains: async () => new Map() })
    const { imbalances } = await verifyConsumer({ reader, consumer }, new Map())
    expect(imbalances).toMatchObject([{ check: 'domain', domain: 'account', expected: '2', found: '0' }])
  })
})

describe('workers that go on meanwhile', () => {
  test('what looked wrong only because it was read too early is read again, and is right', async () => {
    const store = await storeWith({ stream: 'a', state: gappedState(3, [[5, 6]]), held: [5] })
    let readings = 0
    const reader = readerWith(store.reader, {
      held: async (name, query) => {
        // Between the first readings a worker commits the event that was missing.
        if (query.stream !== undefined && ++readings === 2) {
          await putStream(store, {
            stream: 'a',
            state: gappedState(3, [[5, 6]]),
            held: [5, 6],
            deliveries: 0,
          })
        }
        return store.reader.held(name, query)
      },
    })
    expect(await verifyConsumer({ reader, consumer }, new Map())).toMatchObject({
      isBalanced: true,
      unsettled: [],
    })
  })

  test('a stream that never stands still is named, not accused', async () => {
    const store = await storeWith({ stream: 'a', state: gappedState(3, [[5, 6]]), held: [5] })
    let changedAt = 0
    const reader = readerWith(store.reader, {
      stream: async (name, path) => {
        const stored = await store.reader.stream(name, path)
        return stored && { ...stored, changedAt: ++changedAt }
      },
    })
    const result = await verifyConsumer({ reader, consumer }, new Map())
    expect(result).toMatchObject({ isBalanced: true, unsettled: ['account/a'] })
  })
})

function readerWith(reader: StoreReader, changes: Partial<StoreReader>): StoreReader {
  return {
    consumers: () => reader.consumers(),
    summary: (name) => reader.summary(name),
    recordCounts: (name) => reader.recordCounts(name),
    domains: (name) => reader.domains(name),
    stream: (name, path) => reader.stream(name, path),
    streams: (name, query) => reader.streams(name, query),
    claims: (name, query) => reader.claims(name, query),
    held: (name, query) => reader.held(name, query),
    inbox: (name, query) => reader.inbox(name, query),
    deadLetters: (name, query) => reader.deadLetters(name, query),
    ledger: (name, query) => reader.ledger(name, query),
    ...changes,
  }
}

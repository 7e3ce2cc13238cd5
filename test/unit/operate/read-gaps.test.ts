// Gaps are read off what is held; a stream's numbering is taken from the configuration, or from its state.
import { expect, test } from 'vitest'
import { contiguous } from '../../../src/core/numbering.ts'
import { defaultStreamLimits } from '../../../src/core/rules.ts'
import type { StreamRules } from '../../../src/core/rules.ts'
import type { HealProgress, StreamState } from '../../../src/core/stream-state.ts'
import type { StreamGap } from '../../../src/operate/read-gaps.ts'
import { eachGap } from '../../../src/operate/read-gaps.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import { consumer, gappedState, putStream, stateOf } from './stored-stream.ts'

const clock = { now: 1_000, readingMs: 0 }

async function listed(gaps: AsyncIterable<StreamGap>): Promise<readonly StreamGap[]> {
  const list: StreamGap[] = []
  for await (const gap of gaps) list.push(gap)
  return list
}

async function gapsOf(...given: readonly Parameters<typeof putStream>[1][]): Promise<readonly StreamGap[]> {
  const store = memoryStore()
  await store.open()
  for (const stream of given) await putStream(store, stream)
  return listed(eachGap({ reader: store.reader, consumer }, new Map()))
}

test('every gap of every waiting stream, the head first, with what is held behind it', async () => {
  const gaps = await gapsOf(
    {
      stream: 'b',
      state: gappedState(2, [
        [5, 6],
        [9, 9],
      ]),
      held: [5, 6, 9],
    },
    { stream: 'a', state: gappedState(1, [[3, 3]]), held: [3] },
    { stream: 'c', state: gappedState(7, []) },
  )
  expect(gaps).toMatchObject([
    { stream: 'account/a', from: 2, to: 2, missing: 1, isHead: true, held: 1, since: 1_000 },
    { stream: 'account/b', from: 3, to: 4, missing: 2, isHead: true, held: 3 },
    { stream: 'account/b', from: 7, to: 8, missing: 2, isHead: false, held: 1 },
  ])
})

test('a stream that has not begun lacks its start, be it 1 or 0', async () => {
  const span = (after: number) =>
    ({ kind: 'events', epoch: 0, after, to: after + 1, count: 1, clock }) as const
  const unknown = (after: number) => stateOf({ held: [span(after)], heldCount: 1 })
  const gaps = await gapsOf(
    { stream: 'one', state: unknown(4), held: [5] },
    { stream: 'zero', state: unknown(0), held: [1] },
  )
  expect(gaps.map(({ stream, from, to }) => [stream, from, to])).toEqual([
    ['account/one', 1, 4],
    ['account/zero', 0, 0],
  ])
})

test('linked numbers that lie above 2^53 keep their value', async () => {
  const big = 2n ** 60n
  const held = [{ kind: 'events', epoch: 0, after: big + 5n, to: big + 9n, count: 1, clock }] as const
  const state = stateOf({ position: big, held, heldCount: 1 })
  expect(await gapsOf({ stream: 'a', state, held: [big + 9n] })).toMatchObject([
    { from: big + 1n, to: big + 5n, missing: 5 },
  ])
})

test('a gap says how often somebody was asked for it, and is overdue only once that has ended', async () => {
  const store = memoryStore({ now: () => 5_000 })
  await store.open()
  const state = gappedState(1, [[3, 3]])
  const held = (heal?: HealProgress): StreamState['held'] =>
    state.held.map((span) => ({ ...span, clock: { ...clock, ...(heal !== undefined && { heal }) } }))
  const cases: readonly (HealProgress | undefined)[] = [
    undefined,
    { attempts: 1, nextAt: 9_000 },
    { attempts: 2, nextAt: 9_000 },
    { attempts: 2, nextAt: 5_000 },
  ]
  for (const [index, heal] of cases.entries()) {
    await putStream(store, { stream: `s${index}`, state: { ...state, held: held(heal) }, held: [3] })
  }
  const rules: StreamRules = {
    ...defaultStreamLimits,
    numbering: contiguous(),
    patienceMs: 0,
    heal: { afterMs: 500, attempts: 2 },
  }
  const known = new Map([['account', { rules, failure: { attempts: 5, then: 'halt' as const } }]])
  const view = { reader: store.reader, consumer }
  const configured = await listed(eachGap(view, known))
  expect(configured.map(({ healing, policy }) => [healing, policy?.isOverdue])).toEqual([
    [{ attempts: 0, attemptsMax: 2, nextAt: 1_500 }, false],
    [{ attempts: 1, attemptsMax: 2, nextAt: 9_000 }, false],
    [{ attempts: 2, attemptsMax: 2, nextAt: 9_000 }, false],
    [{ attempts: 2, attemptsMax: 2 }, true],
  ])
  const unknown = await listed(eachGap(view, new Map()))
  expect(unknown.map(({ healing }) => healing)).toEqual(cases)
})

// Gaps are read off what is held; a stream's numbering is taken from the configuration, or from its state.
import { expect, test } from 'vitest'
import type { StreamGap } from '../../../src/operate/read-gaps.ts'
import { eachGap } from '../../../src/operate/read-gaps.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import { consumer, gappedState, putStream, stateOf } from './stored-stream.ts'

const clock = { now: 1_000, readingMs: 0 }

async function gapsOf(...given: readonly Parameters<typeof putStream>[1][]): Promise<readonly StreamGap[]> {
  const store = memoryStore()
  await store.open()
  for (const stream of given) await putStream(store, stream)
  const gaps: StreamGap[] = []
  for await (const gap of eachGap({ reader: store.reader, consumer }, new Map())) gaps.push(gap)
  return gaps
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

// Health: every stream that is not as it should be, the worst first, in a list that has a limit and counts
// the rest.
import { beforeEach, describe, expect, test } from 'vitest'
import { contiguous } from '../../../src/core/numbering.ts'
import { defaultStreamLimits } from '../../../src/core/rules.ts'
import type { StreamState } from '../../../src/core/stream-state.ts'
import type { KnownDomains } from '../../../src/operate/domain-rules.ts'
import type { Health, HealthOptions } from '../../../src/operate/health.ts'
import { readHealth } from '../../../src/operate/health.ts'
import type { MemoryStore } from '../../../src/stores/memory.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import { openUnit } from '../../../src/testing/store-suite/open-unit.ts'
import { handed } from '../../../src/testing/store-suite/samples.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'
import { consumer, gappedState, putStream } from './stored-stream.ts'

const rules = { ...defaultStreamLimits, numbering: contiguous(), patienceMs: 10_000 }
const known = {
  waits: new Map([['account', { rules, failure: { attempts: 5, then: 'halt' } }]]) as KnownDomains,
  heals: new Map([
    [
      'account',
      { rules: { ...rules, heal: { afterMs: 0, attempts: 2 } }, failure: { attempts: 5, then: 'halt' } },
    ],
  ]) as KnownDomains,
}

let timers: VirtualTimers
let store: MemoryStore
beforeEach(async () => {
  timers = new VirtualTimers()
  store = memoryStore({ now: () => 1_000 + timers.elapsedMs(), timers })
  await store.open()
})

async function health(domains: KnownDomains = new Map(), options: HealthOptions = {}): Promise<Health> {
  return readHealth({ reader: store.reader, consumer }, domains, options)
}

/** Lets a worker read for a while. */
async function read(ms: number): Promise<void> {
  for (let passed = 0; passed <= ms; passed += 1_000) {
    await store.heartbeat(consumer, 'w')
    await timers.advance(1_000)
  }
}

const failing = { epoch: 0, sequence: 4, attempts: 2, firstAt: 500, retryAt: 9_000, error: 'Error: no' }

describe('what a stream is', () => {
  test('nothing, where it goes on by itself or waits for nothing', async () => {
    await putStream(store, { stream: 'a', state: gappedState(3, []) })
    await putStream(store, { stream: 'b', state: gappedState(3, [[4, 5]]), held: [4, 5] })
    expect(await health()).toEqual({
      items: [],
      gaps: 0,
      oldestMs: { stuck: 0, failing: 0, restarted: 0, slow: 0, waiting: 0 },
      total: 0,
      counts: { stuck: 0, failing: 0, restarted: 0, slow: 0, waiting: 0 },
    })
  })

  test.each<readonly [string, Partial<StreamState>, object]>([
    [
      'stuck, halted by a failure',
      {
        ...gappedState(3, [[4, 4]]),
        halt: { cause: 'failure', at: 800, reason: 'Error: no' },
        failing: { epoch: 0, sequence: 4, attempts: 5, firstAt: 500, error: 'Error: no' },
      },
      { kind: 'stuck', since: 500, ageMs: 500, attempts: 5, detail: 'halted (failure): Error: no' },
    ],
    [
      'stuck, halted by a person',
      { ...gappedState(3, []), halt: { cause: 'operator', at: 900, reason: 'audit', by: 'eve' } },
      { kind: 'stuck', since: 900, detail: 'halted by eve (operator): audit' },
    ],
    [
      'failing, with its next attempt',
      { ...gappedState(3, [[4, 4]]), failing },
      { kind: 'failing', since: 500, attempts: 2, nextAt: 9_000, detail: 'event 4: Error: no' },
    ],
    [
      'failing, while an attempt is made in quarantine',
      { ...gappedState(3, [[4, 4]]), failing: { ...failing, runningBy: 'w#3' } },
      { kind: 'failing', detail: 'event 4: an attempt is made now, in quarantine, by w#3' },
    ],
    [
      'failing, while nobody makes the attempt that was begun',
      { ...gappedState(3, [[4, 4]]), failing: { ...failing, runningBy: 'w#3', retryAt: 900 } },
      { kind: 'failing', nextAt: 900, detail: 'event 4: Error: no' },
    ],
    [
      'waiting, for a number',
      gappedState(3, [[6, 9]]),
      { kind: 'waiting', since: 1_000, ageMs: 0, detail: 'numbers 4 to 5 did not come; 4 events are held' },
    ],
  ])('%s', async (_name, state, item) => {
    await putStream(store, { stream: 'a', state, held: [4, 6, 7, 8, 9].slice(0, state.heldCount ?? 0) })
    expect((await health(known.waits)).items).toMatchObject([{ stream: 'account/a', ...item }])
  })

  test('stuck, once the patience for its gap has ended', async () => {
    await putStream(store, { stream: 'a', state: gappedState(3, [[5, 5]]), held: [5] })
    await read(11_000)
    const [item] = (await health(known.waits)).items
    expect(item).toMatchObject({
      kind: 'stuck',
      detail: 'number 4 did not come, and patience is over; 1 event is held',
    })
    expect((await health()).items).toMatchObject([{ kind: 'waiting' }])
  })

  test('stuck, once its healers were asked for the last time', async () => {
    const state = gappedState(3, [[5, 5]])
    const held = state.held.map((span) => ({
      ...span,
      clock: { ...span.clock, heal: { attempts: 2, nextAt: 900 } },
    }))
    await putStream(store, { stream: 'a', state: { ...state, held }, held: [5] })
    expect((await health(known.heals)).items).toMatchObject([
      { kind: 'stuck', attempts: 2, detail: expect.stringContaining('no healer had') as string },
    ])
  })

  test('slow, when a worker has it for long, or events for it pile up', async () => {
    const unit = await openUnit(store, { consumer, streams: ['account/long'], worker: 'w-1' })
    await timers.advance(40_000)
    const other = await openUnit(store, { consumer, streams: ['account/short'] })
    await store.handOver(
      consumer,
      Array.from({ length: 7 }, (_, index) => handed('account/pile', index + 1)),
    )
    expect((await health(new Map(), { handedOverMin: 5 })).items).toMatchObject([
      { kind: 'slow', stream: 'account/long', ageMs: 40_000, detail: 'worker w-1 has it' },
      { kind: 'slow', stream: 'account/pile', detail: '7 events wait in its inbox' },
    ])
    await unit.end()
    await other.end()
  })

  test('waiting, while its domain is paused', async () => {
    await putStream(store, { stream: 'a', state: gappedState(3, [[4, 5]]), held: [4, 5] })
    await store.record(consumer, { paused: [{ domain: 'account', paused: true }] })
    expect((await health()).items).toMatchObject([
      { kind: 'waiting', detail: 'its domain is paused; 2 events are held' },
    ])
  })
})

test('the worst and the longest come first; those beyond the limit are counted (I7)', async () => {
  const halted = (at: number): Partial<StreamState> => ({
    ...gappedState(3, []),
    halt: { cause: 'operator', at, reason: 'why' },
  })
  await putStream(store, { stream: 'a', state: gappedState(3, [[6, 6]]), held: [6] })
  await putStream(store, { stream: 'b', state: { ...gappedState(3, [[4, 4]]), failing }, held: [4] })
  await putStream(store, { stream: 'c', state: halted(700) })
  await putStream(store, { stream: 'd', state: halted(600) })
  const all = await health()
  expect(all.items.map(({ stream }) => stream)).toEqual(['account/d', 'account/c', 'account/b', 'account/a'])
  expect(all).toMatchObject({ total: 4, counts: { stuck: 2, failing: 1, restarted: 0, slow: 0, waiting: 1 } })
  const few = await health(new Map(), { limit: 3 })
  expect(few.items.map(({ stream }) => stream)).toEqual(['account/d', 'account/c', 'account/b'])
  expect(few.total).toBe(4)
})

// What an operator's wishes come to by the rules alone: pure, and declined where they make no sense.
import { describe, expect, test } from 'vitest'
import { nothingHeld } from '../../../src/core/held-index.ts'
import { contiguous } from '../../../src/core/numbering.ts'
import type { Operated } from '../../../src/core/operating/operated.ts'
import { retryStream, resumeStream } from '../../../src/core/operating/retry-stream.ts'
import { seekBackwards } from '../../../src/core/operating/seek-backwards.ts'
import { skipHead } from '../../../src/core/operating/skip-head.ts'
import type { Failing, GapClock, HeldSpan, StreamState } from '../../../src/core/stream-state.ts'
import { unknownStream } from '../../../src/core/stream-state.ts'
import { clockAt, rulesFor } from './ruled-history.ts'

const rules = rulesFor({ numbering: contiguous(), heal: { afterMs: 1_000, attempts: 3 } })
const old: GapClock = { now: 10, readingMs: 10, heal: { attempts: 3, nextAt: 50 } }

function span(after: number, to: number, fields: Partial<HeldSpan> = {}): HeldSpan {
  return { kind: 'events', epoch: 0, after, to, count: to - after, clock: old, ...fields }
}

function stateWith(fields: Partial<StreamState>): StreamState {
  const counts = { ...unknownStream.counts, delivered: 4 }
  const held = fields.held ?? []
  const heldCount = held.reduce((sum, { count }) => sum + count, 0)
  return { ...unknownStream, position: 4, baseline: 1, counts, held, heldCount, ...fields }
}

function granted(operated: Operated): StreamState {
  if (operated.kind === 'granted') return operated.state
  throw new Error(operated.why)
}

const failing: Failing = { epoch: 0, sequence: 5, attempts: 3, firstAt: 10, error: 'no money' }

describe('trying again', () => {
  test('heals every gap anew, at once, and begins the patience of the one at the head only', () => {
    const state = stateWith({ held: [span(6, 7), span(8, 9)] })
    const [head, behind] = granted(retryStream({ rules, state }, clockAt(90))).held
    expect(head?.clock).toEqual({ now: 10, readingMs: 90, heal: { attempts: 0, nextAt: 90 } })
    expect(behind?.clock).toEqual({ now: 10, readingMs: 10, heal: { attempts: 0, nextAt: 90 } })
    expect(state.held[0]?.clock).toBe(old)
  })

  test('of an attempt that a dead worker left behind goes on in quarantine', () => {
    const left = { ...failing, attempts: 1, runningBy: 'w1', retryAt: 60_000 }
    const state = stateWith({ held: [span(4, 5)], failing: left, quarantine: 3, suspects: 1 })
    const again = granted(retryStream({ rules, state }, clockAt(90)))
    expect(again).toMatchObject({ quarantine: 3, suspects: 1, failing: { attempts: 0, retryAt: 90 } })
    expect(again.failing).not.toHaveProperty('runningBy')
  })

  test('ends the halt over an effect that was carried out in part; resuming is one attempt', () => {
    const halt = { cause: 'effect-partial', at: 20, reason: 'INCR ran' } as const
    const state = stateWith({ held: [span(4, 5)], failing, halt })
    expect(granted(retryStream({ rules, state }, clockAt(90)))).toMatchObject({
      halt: undefined,
      failing: { attempts: 0, retryAt: 90 },
    })
    expect(granted(resumeStream({ rules, state }, clockAt(90)))).toMatchObject({
      halt: undefined,
      failing: { attempts: 3, retryAt: 90 },
    })
  })

  test('an operator who resumes leaves the backoff of an event as it was', () => {
    const halt = { cause: 'operator', at: 20, reason: 'look', by: 'ann' } as const
    const state = stateWith({ held: [span(4, 5)], failing: { ...failing, retryAt: 500 }, halt })
    expect(granted(resumeStream({ rules, state }, clockAt(90))).failing?.retryAt).toBe(500)
    expect(retryStream({ rules, state }, clockAt(90)).kind).toBe('declined')
  })
})

test('skipping never takes another event out than the one that failed', () => {
  const state = stateWith({
    held: [span(4, 5), span(0, 1, { epoch: 1 })],
    failing: { ...failing, epoch: 1, sequence: 1 },
  })
  const operator = { by: 'ann', reason: 'test' }
  const skipped = skipHead({ rules, state }, { clock: clockAt(90), held: nothingHeld, operator })
  const why = skipped.kind === 'declined' ? skipped.why : ''
  expect(why).toContain('in front of the one that failed')
})

describe('seeking backwards', () => {
  test('joins the top of the range with what is held behind it, under one new clock', () => {
    const state = stateWith({ held: [span(4, 6), span(9, 9 + 1)], failing, memory: [0, 2, 22, 0, 4, 44] })
    const back = granted(
      seekBackwards({ rules, state }, { epoch: 0, sequence: 2 }, { top: 4, clock: clockAt(90) }),
    )
    expect(back.held).toMatchObject([
      { after: 3, to: 6, count: 3, clock: clockAt(90) },
      { after: 9, to: 10, clock: old },
    ])
    expect(back).toMatchObject({ position: 2, heldCount: 4, failing: undefined, memory: [0, 2, 22] })
    expect(back.counts).toMatchObject({ delivered: 4, recalled: 2 })
  })

  test('is declined where a counter that wraps could not tell the numbers apart', () => {
    const wrapping = rulesFor({ numbering: contiguous({ modulus: 8 }) })
    const about = { top: undefined, clock: clockAt(90) }
    const state = stateWith({ position: 20 })
    expect(seekBackwards({ rules: wrapping, state }, { epoch: 0, sequence: 12 }, about).kind).toBe('declined')
    expect(seekBackwards({ rules: wrapping, state }, { epoch: 0, sequence: 17 }, about).kind).toBe('granted')
  })
})

// A producer that counts again while its stream stands at its very first number, or while its epoch waits
// behind another one: nothing is delivered of it yet, and it is told from copies all the same.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { drain } from '../../../src/core/advance.ts'
import { decideArrivals } from '../../../src/core/decide.ts'
import { fingerprint } from '../../../src/core/fingerprint.ts'
import { contiguous } from '../../../src/core/numbering.ts'
import { openNextRun } from '../../../src/core/operating/open-next-run.ts'
import type { StreamRules } from '../../../src/core/rules.ts'
import type { Indexed } from './ruled-history.ts'
import { clockAt, RuledHistory, rulesFor } from './ruled-history.ts'

type Mark = 'time' | 'producer'

const numbers = [1, 2, 3, 4, 5]

/** The events of a run that writes one epoch. */
function runOf(run: number, mark: Mark, epoch = 0): readonly Indexed[] {
  return numbers.map((sequence) => ({
    action: {
      kind: 'event',
      epoch,
      sequence,
      print: fingerprint(`${run}:${sequence}`),
      ...(mark === 'time' ? { time: 100 * run + sequence } : { producer: run }),
    },
    index: 10 * run + sequence,
  }))
}

/** A stream that stands in front of all that comes, as it does while its first event fails. */
function standing(onReset: StreamRules['onReset']): {
  readonly history: RuledHistory
  readonly arrive: (events: readonly Indexed[]) => readonly string[]
} {
  const history = new RuledHistory(rulesFor({ numbering: contiguous(), onReset }))
  const arrive = (events: readonly Indexed[]): readonly string[] => {
    const arrivals = events.map(({ action }) => ({ previous: undefined, reason: '', ...action }))
    const pass = history.run((draft) => decideArrivals(draft, arrivals), {
      clock: clockAt(0),
      isPaused: true,
    })
    const said = history.apply(pass, events).filter((line) => line.startsWith('#'))
    return said.map((line) => line.split(' ')[1] ?? '')
  }
  return { history, arrive }
}

const all = (verdict: string): readonly string[] => numbers.map(() => verdict)

describe.each<Mark>(['time', 'producer'])('a stream that stands at its first number, by %s', (mark) => {
  test('tells of a producer that counts again', () => {
    const { history, arrive } = standing('tell')
    arrive(runOf(0, mark))
    expect(history.state.position).toBeUndefined()
    expect(arrive(runOf(1, mark))).toEqual(all('conflict(other-id)'))
    expect(history.state.restart).toMatchObject({ evidence: mark, from: 1, to: 5 })
    history.apply(history.run(drain))
    expect(history.state).toMatchObject({ position: 5, restart: { evidence: mark, from: 1, to: 5 } })
  })

  test('I3: takes nothing of the new run among what it holds, until an operator says what it is', () => {
    const { history, arrive } = standing('halt')
    arrive(runOf(0, mark))
    const again = runOf(1, mark).toReversed()
    expect(arrive(again)).toEqual(all('refuse(producer-restarted)'))
    expect(history.state.halt?.cause).toBe('restart')
    const opened = openNextRun(history.state, undefined)
    expect(opened.kind).toBe('granted')
    history.state = opened.kind === 'granted' ? opened.state : history.state
    history.apply(history.run(drain))
    expect(history.arrive(again.toReversed(), 0)).toEqual(numbers.map((n) => `#${10 + n} deliver 1/${n}`))
  })

  test('opens the next epoch for it where it is certain', () => {
    const { history, arrive } = standing('epoch')
    arrive(runOf(0, mark))
    expect(arrive(runOf(1, mark))).toEqual(all('hold'))
    expect(history.state.held.map(({ epoch, to }) => [epoch, to])).toEqual([
      [0, 5],
      [1, 5],
    ])
  })

  test('sees it too in an epoch that waits behind the one that is open', () => {
    const { history, arrive } = standing('halt')
    history.arrive(runOf(0, mark).slice(0, 1), 0)
    arrive([...runOf(0, mark).slice(1), ...runOf(1, mark, 1)])
    expect(arrive(runOf(2, mark, 1))).toEqual(all('refuse(producer-restarted)'))
    expect(history.state.restart).toMatchObject({ wireEpoch: 1, evidence: mark })
  })

  test('takes no copy for it, in whatever order they come', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9), { maxLength: 40 }), (order) => {
        const { history, arrive } = standing('epoch')
        const events = [...runOf(0, mark), ...runOf(1, mark, 1)]
        arrive([...order, ...events.keys()].flatMap((at) => events[at] ?? []))
        expect(history.state.restart).toBeUndefined()
        expect(history.state.runs).toEqual([])
      }),
    )
  })
})

describe.each(['halt', 'epoch'] as const)('where a number is missing, with %s', (onReset) => {
  const [first, second, third] = runOf(0, 'time')
  const [, newSecond, newThird, newFourth] = runOf(1, 'time')
  const given = (...events: readonly (Indexed | undefined)[]): readonly Indexed[] =>
    events.filter((event) => event !== undefined)

  test('I3: no event of the new run takes its place, whichever of that comes first', () => {
    const { history } = standing(onReset)
    history.arrive(given(first, third), 0)
    const said = history.arrive(given(newThird, newSecond), 20).filter((line) => line.startsWith('#'))
    expect(said).toEqual(['#13 refuse(producer-restarted) 0/3', '#12 refuse(producer-restarted) 0/2'])
    expect(history.state.restart).toMatchObject({ since: 102, from: 2, to: 3 })
    // The old run's own is taken as ever.
    history.arrive(given(second), 30)
    expect(heldIn(history)).toEqual([[1, 3]])
  })

  test('I3: also while nothing was delivered yet', () => {
    const { history, arrive } = standing(onReset)
    arrive(given(first, third))
    expect(arrive(given(newThird, newSecond))).toEqual([
      'refuse(producer-restarted)',
      'refuse(producer-restarted)',
    ])
    expect(arrive(given(second))).toEqual(['hold'])
    expect(heldIn(history)).toEqual([[0, 3]])
  })

  test('the end of the old run is taken, also after the sign', () => {
    const { history, arrive } = standing(onReset)
    arrive(given(first, second))
    arrive(given(newSecond, newFourth))
    const tail: Indexed = { action: { kind: 'event', epoch: 0, sequence: 3, print: 5, time: 50 }, index: 40 }
    expect(arrive([tail])).toEqual(['hold'])
    expect(heldIn(history)).toEqual([[0, 3]])
  })
})

function heldIn({ state }: RuledHistory): readonly unknown[] {
  return state.held.map(({ after, to }) => [after, to])
}

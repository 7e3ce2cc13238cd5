// A producer that counts again under one epoch: plain redelivery never looks like it, and what is of a new
// run is never taken for a copy of the old one where the domain says that it matters.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fingerprint } from '../../../src/core/fingerprint.ts'
import { importedStream } from '../../../src/core/head.ts'
import type { TrackedNumbering } from '../../../src/core/numbering.ts'
import { contiguous, increasing, linked } from '../../../src/core/numbering.ts'
import { asCopies, openNextRun } from '../../../src/core/operating/open-next-run.ts'
import type { EventArrival } from '../../../src/core/pass.ts'
import { epochInRuns, readTime, wireEpochOf } from '../../../src/core/producer-runs.ts'
import type { StreamRules } from '../../../src/core/rules.ts'
import type { Run } from '../../../src/core/stream-state.ts'
import { RuledHistory, rulesFor } from './ruled-history.ts'

/** An event that a producer made: the n-th number of its run, at a time of its own. */
interface Made {
  readonly run: number
  readonly sequence: number
  readonly time: number
}

type Mark = 'time' | 'producer'

/** The runs of a producer, each counting from 1, with times that never go back and rise between runs. */
function producedBy(lengths: readonly number[], perTick: number): readonly (readonly Made[])[] {
  let made = 0
  return lengths.map((length, run) => {
    made += perTick
    return Array.from({ length }, (_, at) => {
      made++
      return { run, sequence: at + 1, time: 1_000 + Math.floor(made / perTick) }
    })
  })
}

/** One stream under the rules, and what became of each event by its name. */
class Stream {
  readonly history: RuledHistory
  readonly mark: Mark
  /** Whether the ids of each run begin again too. */
  readonly idsAgain: boolean
  readonly accepted: Map<string, number> = new Map<string, number>()
  readonly #events: Made[] = []

  constructor(
    rules: Partial<StreamRules> & Pick<StreamRules, 'numbering'>,
    mark: Mark = 'time',
    idsAgain = false,
  ) {
    this.history = new RuledHistory(rulesFor({ heldMax: 10_000, ...rules }))
    this.mark = mark
    this.idsAgain = idsAgain
  }

  /** The verdict about an event; what is accepted is noted with the epoch that it is of. */
  arrive(made: Made): string {
    const index = this.#events.push(made) - 1
    const lines = this.history.arrive([{ action: arrivalOf(made, this), index }], index)
    const own = lines.find((line) => line.startsWith(`#${index} `)) ?? ''
    const [, verdict = '', place = ''] = own.split(' ')
    if (verdict === 'deliver' || verdict === 'hold')
      this.accepted.set(nameOf(made), Number(place.split('/')[0]))
    return verdict
  }

  /** Offers events until nothing changes any more, as a source does with what is refused; what is left. */
  offer(events: readonly Made[]): readonly Made[] {
    let open = events
    for (let before = Infinity; open.length < before;) {
      before = open.length
      open = open.filter((made) => this.arrive(made).startsWith('refuse'))
    }
    return open
  }

  get delivered(): readonly string[] {
    const { lines } = this.history
    return lines.filter((line) => / (?:deliver|release) /.test(line)).map((line) => line.split(' ')[2] ?? '')
  }
}

const nameOf = ({ run, sequence }: Made): string => `${run}:${sequence}`

function arrivalOf(made: Made, { mark, idsAgain, history }: Stream): EventArrival {
  const { sequence, time, run } = made
  const { kind } = history.rules.numbering
  return {
    kind: 'event',
    epoch: 0,
    sequence,
    print: history.rules.conflictMemory === 0 ? 0 : fingerprint(idsAgain ? `e${sequence}` : nameOf(made)),
    ...(kind === 'linked' && { previous: sequence === 1 ? null : sequence - 1 }),
    ...(mark === 'time' ? { time } : { producer: run }),
  }
}

/** A shuffled copy of a list in which nothing moves further than a few places, with copies among it. */
function carried<Item>(items: readonly Item[], shifts: readonly number[], copies: readonly number[]): Item[] {
  const moved = items.map((item, at) => ({ item, at: at + (shifts[at % shifts.length] ?? 0) }))
  const order = moved.sort((a, b) => a.at - b.at).map(({ item }) => item)
  for (const place of copies) {
    const at = place % (order.length + 1)
    const copy = order[Math.floor(at / 2)]
    if (copy !== undefined) order.splice(at, 0, copy)
  }
  return order
}

const numbering = fc.constantFrom<TrackedNumbering>(
  contiguous(),
  linked(),
  increasing(),
  contiguous({ start: 'first-seen' }),
)
const policy = fc.constantFrom('tell', 'halt', 'epoch')
const shifts = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 9 })
const copies = fc.array(fc.nat(200), { maxLength: 12 })
const mark = fc.constantFrom<Mark>('time', 'producer')

describe('plain redelivery', () => {
  test('is no restart: in any order, however often, from wherever a source is rewound to', () => {
    const given = fc.record({
      numbering,
      onReset: policy,
      mark,
      conflictMemory: fc.constantFrom(0, 1, 3, 16),
      gapEnd: fc.constantFrom('wait', 'skip'),
      length: fc.integer({ min: 1, max: 40 }),
      perTick: fc.constantFrom(1, 3),
      shifts,
      copies,
      rewinds: fc.array(fc.nat(40), { maxLength: 3 }),
      skipsAt: fc.nat(60),
    })
    fc.assert(
      fc.property(given, (about) => {
        const { onReset, gapEnd, perTick, length } = about
        const [run = []] = producedBy([length], perTick)
        const told = new Stream(about, about.mark)
        const plain = new Stream({ ...about, onReset: 'tell' }, about.mark)
        const order = [
          ...carried(run, about.shifts, about.copies),
          ...about.rewinds.flatMap((from) => run.slice(from)),
        ]
        order.forEach((made, at) => {
          if (gapEnd === 'skip' && at === about.skipsAt) {
            told.history.endHeadGap(at)
            plain.history.endHeadGap(at)
          }
          expect(told.arrive(made), onReset).toBe(plain.arrive(made))
          expect(told.history.state.restart).toBeUndefined()
          expect(told.history.state.halt).toBeUndefined()
        })
        expect(told.history.state.runs).toEqual([])
      }),
      { numRuns: 600 },
    )
  })

  test('by several producers that take over from each other is none, as far as they are known', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9), { minLength: 1, maxLength: 30 }), policy, (producers, onReset) => {
        const history = new RuledHistory(rulesFor({ numbering: contiguous(), onReset }))
        const all = producers.map((producer, at) => ({
          action: { kind: 'event', epoch: 0, sequence: at + 1, print: at, producer } as const,
          index: at,
        }))
        history.arrive([...all, ...all], 0)
        expect(history.state.restart).toBeUndefined()
        expect(history.state.duplicates?.count).toBe(all.length)
      }),
    )
  })

  test('stamped anew when it is sent again is a sign under any number, and opens nothing by itself', () => {
    const [run = []] = producedBy([40], 1)
    for (const made of run) {
      const stream = new Stream({ numbering: contiguous(), onReset: 'epoch' })
      stream.offer(run)
      expect(stream.arrive({ ...made, time: 9_000 })).toBe('refuse(producer-restarted)')
      expect(stream.arrive(made)).toBe('duplicate')
      expect(stream.history.state.runs).toEqual([])
    }
  })

  test('is none though some times were far ahead of the clock, whenever it comes', () => {
    const day = 86_400_000
    const given = fc.record({
      ahead: fc.uniqueArray(fc.integer({ min: day + 100, max: 9 * day }), { maxLength: 8 }),
      near: fc.array(fc.integer({ min: 0, max: day }), { maxLength: 20 }),
      shuffle: fc.array(fc.nat(1_000), { minLength: 28, maxLength: 28 }),
      later: fc.array(fc.integer({ min: 0, max: 20 * day }), { minLength: 1, maxLength: 4 }),
      onReset: policy,
    })
    fc.assert(
      fc.property(given, ({ ahead, near, shuffle, later, onReset }) => {
        const history = new RuledHistory(rulesFor({ numbering: contiguous(), onReset }))
        const order = [...ahead, ...near]
          .map((time, at) => ({ time, place: shuffle[at] ?? 0 }))
          .sort((a, b) => a.place - b.place)
        const events = order.map(({ time }, index) => ({
          action: { kind: 'event', epoch: 0, sequence: index + 1, print: index, time } as const,
          index,
        }))
        history.arrive(events, 0)
        for (const now of later.toSorted((a, b) => a - b)) history.arrive(events, now)
        expect(history.state.restart).toBeUndefined()
        expect(history.state.halt).toBeUndefined()
      }),
    )
  })
})

describe("onReset: 'tell'", () => {
  test('changes no verdict, and says what came', () => {
    const stream = new Stream({ numbering: contiguous() })
    const [first = [], second = []] = producedBy([40, 40], 1)
    stream.offer([...first, ...second])
    expect(stream.delivered).toHaveLength(40)
    const { restart, duplicates, halt } = stream.history.state
    expect(duplicates?.count).toBe(24)
    expect(halt).toBeUndefined()
    expect(restart).toMatchObject({ evidence: 'time', settled: 24, from: 1, to: 40, since: second[0]?.time })
  })

  test('without times the first number with another id is a sign, and nothing else is', () => {
    const history = new RuledHistory(rulesFor({ numbering: contiguous() }))
    const arrive = (sequence: number, print: number): unknown => {
      history.arrive([{ action: { kind: 'event', epoch: 0, sequence, print }, index: 0 }], 0)
      return history.state.restart?.evidence
    }
    for (let n = 1; n <= 40; n++) arrive(n, n)
    expect(arrive(1, 1)).toBeUndefined()
    expect(arrive(40, 99)).toBeUndefined()
    expect(arrive(2, 99)).toBeUndefined()
    expect(arrive(1, 99)).toBe('id')
  })
})

describe('a time that is further ahead of the clock than can be believed', () => {
  const far = Date.parse('9999-12-31T23:59:59Z')

  test('hides no restart, wherever it stands', () => {
    fc.assert(
      fc.property(fc.nat(39), mark, fc.constantFrom('tell', 'halt', 'epoch'), (place, told, onReset) => {
        const stream = new Stream({ numbering: contiguous(), onReset }, told)
        const [first = [], second = []] = producedBy([40, 40], 1)
        stream.offer(first.map((made, at) => (at === place ? { ...made, time: far } : made)))
        for (const made of second.slice(1, 20)) stream.arrive(made)
        expect(stream.history.state.restart?.evidence).toBe(told)
      }),
    )
  })

  test('is no sign itself, and no end of the signs', () => {
    const stream = new Stream({ numbering: contiguous() })
    const [first = []] = producedBy([40], 1)
    stream.offer(first)
    stream.arrive({ run: 1, sequence: 3, time: far })
    expect(stream.history.state.restart).toBeUndefined()
    stream.arrive({ run: 1, sequence: 1, time: 9_000 })
    stream.arrive({ run: 1, sequence: 2, time: far })
    expect(stream.history.state.restart).toMatchObject({ since: 9_000, until: 9_000 })
    stream.history.state = asCopies(stream.history.state)
    expect(stream.history.state.newest).toBe(9_000)
  })

  test('is remembered as far as eight, those that are due first', () => {
    const stream = new Stream({ numbering: contiguous() })
    stream.offer(Array.from({ length: 20 }, (_, at) => ({ run: 0, sequence: at + 1, time: far - (at % 10) })))
    expect(stream.history.state.ahead).toEqual([9, 8, 7, 6, 5, 4, 3, 2].map((one) => far - one))
    expect(stream.history.state.newest).toBeUndefined()
  })
})

const restarts = fc.record({
  numbering: fc.constantFrom<TrackedNumbering>(contiguous(), linked()),
  mark,
  lengths: fc.array(fc.integer({ min: 2, max: 25 }), { minLength: 2, maxLength: 4 }),
  perTick: fc.constantFrom(1, 3),
  shifts,
  copies,
  late: fc.array(fc.nat(300), { maxLength: 20 }),
})

/** What arrives: each run begins with its first event, and copies of older ones come at any time. */
function arrivals(about: {
  readonly lengths: readonly number[]
  readonly perTick: number
  readonly shifts: readonly number[]
  readonly copies: readonly number[]
  readonly late: readonly number[]
}): readonly Made[] {
  const order: Made[] = []
  for (const [first, ...rest] of producedBy(about.lengths, about.perTick)) {
    const begins = order.length
    if (first !== undefined) order.push(first, ...carried(rest, about.shifts, about.copies))
    for (const place of about.late) {
      const copy = order[place % Math.max(1, begins)]
      if (begins > 0 && copy !== undefined) order.splice(begins + (place % (order.length - begins)), 0, copy)
    }
  }
  return order
}

test('ids that begin again too hide no restart', () => {
  const [first = [], second = []] = producedBy([40, 30], 1)
  for (const told of ['time', 'producer'] as const) {
    const stream = new Stream({ numbering: contiguous() }, told, true)
    stream.offer([...first, ...first, ...second])
    const { restart, duplicates } = stream.history.state
    expect(duplicates?.count).toBe(70)
    expect(restart).toMatchObject({ evidence: told, settled: 30, from: 1, to: 30 })
  }
})

describe("onReset: 'epoch'", () => {
  test('I1, I3: each run is an epoch, no event is of another one, and only copies are duplicates', () => {
    fc.assert(
      fc.property(restarts, (about) => {
        const stream = new Stream({ ...about, onReset: 'epoch' }, about.mark)
        const copied: string[] = []
        const refused: Made[] = []
        for (const made of arrivals(about)) {
          const isKnown = stream.accepted.has(nameOf(made))
          const verdict = stream.arrive(made)
          if (verdict === 'duplicate' && !isKnown) copied.push(nameOf(made))
          if (verdict.startsWith('refuse')) refused.push(made)
        }
        expect(copied).toEqual([])
        expect(stream.offer(refused)).toEqual([])
        const runsOf = Map.groupBy(stream.accepted, ([, epoch]) => epoch)
        for (const [epoch, all] of runsOf) {
          expect(new Set(all.map(([name]) => name.split(':')[0])), `epoch ${epoch}`).toHaveLength(1)
        }
        expect(stream.history.state.epoch).toBe(about.lengths.length - 1)
        const last = about.lengths.at(-1)
        expect(stream.history.state.position).toBe(last)
        expect(stream.history.state.halt).toBeUndefined()
      }),
      { numRuns: 600 },
    )
  })

  test('what is not certain waits for what is: no number of the new run is lost to the order', () => {
    const stream = new Stream({ numbering: contiguous(), onReset: 'epoch' })
    const [first = [], second = []] = producedBy([40, 50], 1)
    stream.offer(first)
    const left = stream.offer([...second].reverse().slice(10, 49))
    expect(left).toHaveLength(39)
    expect(stream.history.state.halt?.cause).toBe('restart')
    expect(stream.offer([...second.slice(0, 1), ...left, ...second.slice(40)])).toEqual([])
    expect(stream.delivered.slice(40)).toEqual(second.map(({ sequence }) => `1/${sequence}`))
  })

  test('opens nothing where the first event is not known, or may be the same without an id', () => {
    const rules = rulesFor({ numbering: contiguous(), onReset: 'epoch' })
    const began = { kind: 'event', epoch: 0, sequence: 1, print: 7, time: 9, isUnnamed: true } as const
    const imported = new RuledHistory(rules, importedStream(rules, { epoch: 0, sequence: 5 }))
    imported.arrive([{ action: { ...began, sequence: 6, time: 5 }, index: 0 }], 0)
    const twice = new RuledHistory(rules)
    twice.arrive([{ action: { ...began, time: 5 }, index: 0 }], 0)
    for (const history of [imported, twice]) {
      const again = history.arrive([{ action: began, index: 1 }], 0)
      expect(again).toContain('#1 refuse(producer-restarted) 0/1')
      expect(history.state.runs).toEqual([])
    }
  })

  test('an event that was made between the runs is of neither: it is stale, and kept', () => {
    const stream = new Stream({ numbering: contiguous(), onReset: 'epoch' })
    stream.offer([
      { run: 0, sequence: 1, time: 5 },
      { run: 0, sequence: 2, time: 6 },
      { run: 1, sequence: 1, time: 9 },
    ])
    expect(stream.arrive({ run: 0, sequence: 3, time: 7 })).toBe('stale(run-unknown)')
    expect(stream.arrive({ run: 0, sequence: 2, time: 6 })).toBe('duplicate')
    expect(stream.arrive({ run: 0, sequence: 3, time: 6 })).toBe('stale(epoch-over)')
  })

  test('an epoch that its producer writes after all comes behind those that were opened for it', () => {
    const stream = new Stream({ numbering: contiguous(), onReset: 'epoch' })
    stream.offer([
      { run: 0, sequence: 1, time: 5 },
      { run: 1, sequence: 1, time: 9 },
    ])
    const [line] = stream.history.arrive(
      [{ action: { kind: 'event', epoch: 1, sequence: 1, print: 77, time: 12 }, index: 90 }],
      0,
    )
    expect(line).toBe('#90 deliver 2/1')
  })
})

describe("onReset: 'halt'", () => {
  const given = fc.record({
    mark,
    first: fc.integer({ min: 5, max: 40 }),
    second: fc.integer({ min: 1, max: 60 }),
    shifts,
    copies,
    idsAgain: fc.boolean(),
  })
  type Given = typeof given extends fc.Arbitrary<infer Value> ? Value : never

  /** A stream that has refused all of a second run, which begins with its first event. */
  function suspecting(about: Given): {
    readonly stream: Stream
    readonly old: readonly Made[]
    readonly come: Made[]
  } {
    const stream = new Stream({ numbering: contiguous(), onReset: 'halt' }, about.mark, about.idsAgain)
    const [old = [], [begin, ...rest] = []] = producedBy([about.first, about.second], 1)
    stream.offer(old)
    const come = begin === undefined ? [] : [begin, ...carried(rest, about.shifts, about.copies)]
    expect(stream.offer(come)).toEqual(come)
    expect(stream.history.state.halt?.cause).toBe('restart')
    expect(old.map((made) => stream.arrive(made))).toEqual(old.map(() => 'duplicate'))
    return { stream, old, come }
  }

  test('I3: nothing of a new run is settled, held or delivered; once opened, all of it has its turn', () => {
    fc.assert(
      fc.property(given, (about) => {
        const { stream, old, come } = suspecting(about)
        const opened = openNextRun(stream.history.state, undefined)
        stream.history.state = opened.kind === 'granted' ? opened.state : stream.history.state
        expect(stream.offer(come)).toEqual([])
        const numbers = Array.from({ length: about.second }, (_, at) => `1/${at + 1}`)
        expect(stream.delivered.slice(old.length)).toEqual(numbers)
        expect(old.map((made) => stream.arrive(made))).toEqual(old.map(() => 'duplicate'))
      }),
      { numRuns: 200 },
    )
  })

  test('what an operator calls copies is taken for copies', () => {
    fc.assert(
      fc.property(given, (about) => {
        const { stream, old, come } = suspecting(about)
        stream.history.state = asCopies(stream.history.state)
        const below = come.filter(({ sequence }) => sequence <= old.length)
        const others = below
          .map((made) => stream.arrive(made))
          .filter((verdict) => !/^duplicate|^conflict/.test(verdict))
        expect(others).toEqual([])
        expect(stream.history.state.restart).toBeUndefined()
      }),
      { numRuns: 200 },
    )
  })

  test('without times and producers, whatever is not known for a copy waits once there is a sign', () => {
    const history = new RuledHistory(rulesFor({ numbering: contiguous(), onReset: 'halt' }))
    const arrive = (sequence: number, print: number): string | undefined =>
      history.arrive([{ action: { kind: 'event', epoch: 0, sequence, print }, index: 0 }], 0).at(-1)
    for (let n = 1; n <= 40; n++) arrive(n, n)
    expect(arrive(2, 102)).toBe('#0 duplicate 0/2')
    expect(arrive(1, 101)).toBe('#0 refuse(producer-restarted) 0/1')
    expect(arrive(2, 102)).toBe('#0 refuse(producer-restarted) 0/2')
    expect(arrive(40, 140)).toBe('#0 refuse(producer-restarted) 0/40')
    expect(arrive(40, 40)).toBe('#0 duplicate 0/40')
    history.state = asCopies(history.state)
    expect(arrive(2, 102)).toBe('#0 duplicate 0/2')
  })

  test('what an operator calls copies is no sign again, also while its first number is remembered', () => {
    for (const numbers of [3, 40]) {
      const history = new RuledHistory(rulesFor({ numbering: contiguous(), onReset: 'halt' }))
      const arrive = (sequence: number, print: number): string | undefined =>
        history.arrive([{ action: { kind: 'event', epoch: 0, sequence, print }, index: 0 }], 0).at(-1)
      for (let n = 1; n <= numbers; n++) arrive(n, n)
      expect(arrive(1, 101)).toBe('#0 refuse(producer-restarted) 0/1')
      history.state = asCopies(history.state)
      expect(arrive(1, 101)).toBe(numbers === 3 ? '#0 conflict(other-id) 0/1' : '#0 duplicate 0/1')
      expect(history.state.halt).toBeUndefined()
    }
  })

  test('a fill of the suspected run waits too, and an operator gives one for the epoch that is meant', () => {
    const stream = new Stream({ numbering: contiguous(), onReset: 'halt' })
    stream.offer([
      { run: 0, sequence: 1, time: 5 },
      { run: 0, sequence: 2, time: 6 },
      { run: 1, sequence: 1, time: 9 },
    ])
    const fill = { kind: 'fill', epoch: 0, from: 3, to: 4 } as const
    expect(stream.history.arrive([{ action: { ...fill, time: 10 }, index: 90 }], 0)).toEqual([
      '#90 fill-refuse(producer-restarted)',
    ])
    expect(stream.history.arrive([{ action: { ...fill, time: 6 }, index: 91 }], 0)).toEqual(['#91 fill-hold'])
  })
})

describe('the runs of a producer', () => {
  test('what is of an epoch is found in it again, and bears the epoch of the wire', () => {
    const gaps = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat(2)), { maxLength: 6 })
    fc.assert(
      fc.property(gaps, (steps) => {
        const runs: Run[] = []
        const eras = [{ wireEpoch: 0, epoch: 0, time: 0 }]
        for (const [wait, marked] of steps) {
          const last = eras.at(-1) ?? { wireEpoch: 0, epoch: 0, time: 0 }
          const before = {
            ...last,
            wireEpoch: last.wireEpoch + marked,
            epoch: last.epoch + marked,
            time: last.time + 1,
          }
          if (marked > 0) eras.push(before)
          const run = { wireEpoch: before.wireEpoch, epoch: before.epoch + 1, since: before.time + wait }
          runs.push(run)
          eras.push({ ...run, time: run.since })
        }
        for (const { wireEpoch, epoch, time } of eras) {
          expect(epochInRuns(runs, { epoch: wireEpoch, time })).toBe(epoch)
          expect(wireEpochOf(runs, epoch)).toBe(wireEpoch)
        }
      }),
    )
  })

  test('where times tell them apart, what has no time is of none', () => {
    const runs = [{ wireEpoch: 0, epoch: 1, since: 5 }]
    expect(epochInRuns(runs, { epoch: 0 })).toBeUndefined()
    expect(epochInRuns(runs, { epoch: 1 })).toBe(2)
  })
})

test.each([
  ['2026-01-31T12:00:00.250Z', Date.UTC(2026, 0, 31, 12, 0, 0, 250)],
  ['2026-01-31T12:00:00', Date.UTC(2026, 0, 31, 12)],
  ['2026-01-31 12:00:00+02:00', Date.UTC(2026, 0, 31, 10)],
  ['2026-01-31', Date.UTC(2026, 0, 31)],
  ['1700000000', 1_700_000_000_000],
  ['1700000000123', 1_700_000_000_123],
  ['1700000000123456', 1_700_000_000_123],
  ['1700000000123456789', 1_700_000_000_123],
  ['1969-01-31', undefined],
  ['noon', undefined],
  ['5', 5_000],
  ['2026-99-99', undefined],
])('the time %s is read as %s', (text, ms) => {
  expect(readTime(text)).toBe(ms)
})

// The replay against the naive model with time: several streams, a clock that jumps, stands still or is not
// told.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { contiguous } from '../../../src/core/numbering.ts'
import { NaiveStream } from '../core/naive-stream.ts'
import type { NaiveRules } from '../core/naive-stream.ts'
import { randomHistory } from '../core/random-history.ts'
import type { RandomAction } from '../core/random-history.ts'
import { traced } from './traced-lines.ts'

const patienceMs = 7

interface TimedLine {
  readonly action: RandomAction
  readonly stream: string
  /** When it arrives; `undefined`: the line does not say. */
  readonly time: number | undefined
}

const history = fc
  .tuple(
    randomHistory({ withFills: true }),
    fc.array(
      fc.tuple(fc.constantFrom('a', 'a', 'b', 'c'), fc.constantFrom(0, 0, 1, 1, 2, 5, -3, undefined)),
      {
        minLength: 80,
        maxLength: 80,
      },
    ),
  )
  .map(([actions, whens]) => {
    let time = 1_000
    return actions.map((action, index): TimedLine => {
      const [stream = 'a', step] = whens[index] ?? []
      if (step === undefined) return { action, stream, time: undefined }
      time += step
      return { action, stream, time }
    })
  })

function jsonOf({ action, stream, time }: TimedLine): object {
  const when = time === undefined ? {} : { t: time }
  // What stands for a gap's end in other tests is a line without a number here.
  if (action.kind === 'gap-end') return { s: stream, ...when }
  const { epoch } = action
  if (action.kind === 'fill')
    return { s: stream, e: epoch, fill: { from: action.from, to: action.to }, ...when }
  return { s: stream, e: epoch, n: action.sequence, id: String(action.print), ...when }
}

/** The same, told by one naive stream for each key and a search for whatever is due. */
class NaiveReplay {
  readonly #rules: NaiveRules
  readonly #streams = new Map<string, NaiveStream>()
  readonly #fills = new Map<string, string>()
  readonly #said: string[] = []
  #origin = 0
  #now: number | undefined

  constructor(rules: NaiveRules) {
    this.#rules = rules
  }

  arrive(line: number, { action, stream: key, time }: TimedLine): void {
    if (time !== undefined && this.#now === undefined) this.#origin = time
    if (time !== undefined) this.#now = Math.max(time, this.#now ?? time)
    if (this.#now !== undefined) this.#fire(this.#now)
    if (action.kind === 'gap-end') return void this.#said.push(`${line} invalid (sequence-missing)`)
    if (action.kind === 'fill' && action.from > action.to) {
      return void this.#said.push(`${line} invalid (fill-not-a-range)`)
    }
    if (action.kind === 'fill')
      this.#fills.set(`${line}`, `${key} ${place(action.epoch, action.from, action.to)}`)
    const stream = this.#streams.get(key) ?? new NaiveStream(this.#rules)
    this.#streams.set(key, stream)
    this.#say(key, this.#now ?? null, () => {
      stream.arrive({ ...action, index: line }, this.#now ?? this.#origin)
    })
  }

  end(): string[] {
    for (const [key, stream] of this.#streams) {
      for (const { epoch, from, to, openedAt } of stream.gaps()) {
        const isOver = this.#now !== undefined && this.#opened(openedAt) + patienceMs <= this.#now
        const held = stream.events.filter(
          (one) => one.epoch > epoch || (one.epoch === epoch && one.sequence > to),
        )
        this.#said.push(`${isOver ? 'overdue' : 'open'} ${key} ${place(epoch, from, to)} held ${held.length}`)
      }
    }
    // The model names a fill by its line alone.
    return this.#said.map((text) =>
      text.replace(/fill#(\d+)/, (_whole, line: string) => this.#fills.get(line) ?? ''),
    )
  }

  /** Before the first time is told the model's clock stands at 0. */
  #opened(openedAt: number): number {
    return Math.max(openedAt, this.#origin)
  }

  #fire(now: number): void {
    for (;;) {
      let first: { due: number; key: string; stream: NaiveStream } | undefined
      for (const [key, stream] of this.#streams) {
        const [gap] = stream.gaps()
        if (gap === undefined || stream.haltedBy !== undefined || this.#rules.gapEnd === 'wait') continue
        const due = this.#opened(gap.openedAt) + patienceMs
        if (due <= now && (first === undefined || due < first.due)) first = { due, key, stream }
      }
      if (first === undefined) return
      const { due, key, stream } = first
      this.#say(key, due, () => {
        stream.endHeadGap(now)
      })
    }
  }

  #say(key: string, at: number | null, act: () => void): void {
    const stream = this.#streams.get(key)
    const before = stream?.outcome.length ?? 0
    act()
    for (const said of stream?.outcome.slice(before) ?? []) this.#said.push(inShort(said, key, at))
  }
}

const words: Readonly<Record<string, string>> = { release: 'deliver', ended: 'epoch-ended' }

/** What the model said, as the replay says it in short; a fill without its range. */
function inShort(said: string, key: string, at: number | null): string {
  const fill = /^#(?<line>\d+) fill-(?<verdict>[a-z]+)(?<reason>\(.*\))?$/.exec(said)?.groups
  if (fill !== undefined) {
    const isFilled = fill['verdict'] === 'fill' || fill['verdict'] === 'released'
    const word = isFilled ? 'fill' : `${fill['verdict']}-fill`
    return `${fill['line']} ${word} fill#${fill['line']}${spaced(fill['reason'])}`
  }
  const event = /^#(?<line>\d+) (?<verdict>[a-z]+)(?<reason>\(.*\))? (?<place>\S+)$/.exec(said)?.groups
  if (event !== undefined) {
    const { line, verdict = '', reason, place: where = '' } = event
    return `${line} ${words[verdict] ?? verdict} ${key} ${where.replace(/^0\//, '')}${spaced(reason)}`
  }
  const [verdict, where = ''] = said.split(' ')
  return `${verdict} ${key} ${where.replace(/^0\//, '')} at ${at}`
}

function spaced(reason: string | undefined): string {
  return reason === undefined ? '' : ` ${reason}`
}

function place(epoch: number, from: number | null, to: number): string {
  return `${epoch === 0 ? '' : `${epoch}/`}${from}..${to}`
}

const setting = fc.record({
  start: fc.constantFrom(1, 0, undefined),
  heldMax: fc.constantFrom(2, 100),
  spanMax: fc.constantFrom(6, 100),
  gapEnd: fc.constantFrom('skip', 'halt', 'wait'),
})

test('I8: a replay with a clock says what the naive model says', async () => {
  await fc.assert(
    fc.asyncProperty(setting, history, async (chosen, lines) => {
      const naive = new NaiveReplay({ kind: 'contiguous', conflictMemory: 16, ...chosen })
      lines.forEach((line, index) => {
        naive.arrive(index + 1, line)
      })
      const { start, ...limits } = chosen
      const numbering = contiguous({ start: start ?? 'first-seen' })
      const options = { rules: { ...limits, numbering, patienceMs }, fields: { id: 'id', arrival: 't' } }
      expect(await traced(lines.map(jsonOf), options)).toEqual(naive.end())
    }),
    { numRuns: 400 },
  )
})

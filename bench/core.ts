// The rules alone: in-order events over many streams, decided so many of a stream at a time, beside a Map
// loop that keeps position, epoch and 16 fingerprints in place and knows nothing else. Counts processor time,
// not the clock on the wall, so that a busy machine spoils it less. Prints events a second and the ratio of
// the two.
import { decideRun } from '../src/core/decide-run.ts'
import { decideBatch } from '../src/core/decide.ts'
import { nothingHeld } from '../src/core/held-index.ts'
import { contiguous } from '../src/core/numbering.ts'
import type { EventArrival, PassContext } from '../src/core/pass.ts'
import { defaultStreamLimits } from '../src/core/rules.ts'
import type { StreamState } from '../src/core/stream-state.ts'
import { unknownStream } from '../src/core/stream-state.ts'

interface Tracked {
  epoch: number
  position: number
  readonly prints: Uint32Array
}

const streams = 10_000
const rounds = 100
const memory = 16
const repeats = 7
const rules = { ...defaultStreamLimits, numbering: contiguous() }
const keys = Array.from({ length: streams }, (_, index) => `stream-${index}`)
const context: PassContext = { clock: { now: 0, readingMs: 0 }, held: nothingHeld }
const events = Array.from({ length: rounds }, (_, index): EventArrival => {
  return { kind: 'event', epoch: 0, sequence: index + 1, print: index * 31 }
})

/** A stream's state after some arrivals that are all delivered, decided as the engine decides them. */
function decided(state: StreamState, arrivals: readonly EventArrival[]): StreamState {
  const run = decideRun(
    rules,
    state,
    arrivals.map((arrival) => ({ arrival })),
    context,
  )
  if (run !== undefined) return run
  return decideBatch({ rules, state }, arrivals, context).state
}

/** Stream after stream gets its next `batch` events. */
function decideAll(batch: number): number {
  const states = new Map<string, StreamState>()
  for (let round = 0; round < rounds; round += batch) {
    const arrivals = events.slice(round, round + batch)
    for (const key of keys) states.set(key, decided(states.get(key) ?? unknownStream, arrivals))
  }
  return states.values().reduce((sum, { counts }) => sum + counts.delivered, 0)
}

function mapLoop(): number {
  const states = new Map<string, Tracked>()
  let delivered = 0
  for (const event of events) {
    for (const key of keys) {
      let state = states.get(key)
      if (state === undefined) {
        state = { epoch: 0, position: 0, prints: new Uint32Array(memory) }
        states.set(key, state)
      }
      if (event.epoch !== state.epoch || event.sequence !== state.position + 1) continue
      state.position = event.sequence
      state.prints[event.sequence % memory] = event.print
      delivered++
    }
  }
  return delivered
}

/** The best of several runs, in nanoseconds of processor time an event. */
function costOf(run: () => number): number {
  let best = Number.POSITIVE_INFINITY
  for (let repeat = 0; repeat < repeats; repeat++) {
    const begin = process.cpuUsage()
    if (run() !== streams * rounds) throw new Error('not every event was delivered')
    const { user, system } = process.cpuUsage(begin)
    best = Math.min(best, ((user + system) * 1_000) / (streams * rounds))
  }
  return best
}

function line(name: string, cost: number, bare: number): string {
  const perSecond = Math.round(1e9 / cost).toLocaleString('en')
  const ratio = (bare / cost).toFixed(2)
  return `${name.padEnd(24)}${cost.toFixed(0).padStart(6)} ns ${perSecond.padStart(12)} events/s  ${ratio}`
}

const bare = costOf(mapLoop)
console.log(
  `${streams} streams, ${streams * rounds} events in order, best of ${repeats}; ratio to the map loop last`,
)
console.log(line('map loop', bare, bare))
for (const batch of [1, 10, 100])
  console.log(
    line(
      `rules, ${batch} at a time`,
      costOf(() => decideAll(batch)),
      bare,
    ),
  )

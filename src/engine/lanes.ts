// Each stream with something to do has a lane: what arrived for it and why else it is looked at, in order. A
// lane is visited by one unit of work at a time, so a slow stream delays itself alone. Upholds I5 and I6.
//
// A lane: idle -> ready (something waits) -> visited (by one unit of work) -> ready or idle.
import { PartedQueue } from '../core/parted-queue.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import type { Call, CallArrival } from './call.ts'
import type { Domains, TrackedDomain } from './domain.ts'
import type { HealPlan } from './healing/healing.ts'
import type { StreamBatch } from './stream-batch.ts'

/** Why a stream is looked at though nothing may have arrived. */
export interface Look {
  readonly call: Call
  /** Look at the clocks of gaps and retries. */
  readonly isSweep?: boolean
  /** The stream's inbox has got entries: none of its gaps is given up before they are read. */
  readonly hasEntries?: boolean
  /** What is noted about the healing of the stream's gaps. */
  readonly heal?: HealPlan
  /** How often the stream was followed up since something arrived for it. */
  readonly followUps?: number
}

/** One stream in one unit of work: what is decided for it, and for whom. */
export interface StreamVisit extends StreamBatch {
  /** Who waits until the visit has ended. */
  readonly calls: readonly Call[]
  readonly arrivals: readonly CallArrival[]
  readonly looks: readonly Look[]
  readonly isSweep: boolean
  readonly heal: HealPlan | undefined
}

interface Lane {
  readonly domain: TrackedDomain
  readonly path: StreamPath
  readonly stream: string
  readonly arrivals: PartedQueue<CallArrival>
  looks: Look[]
  isVisited: boolean
}

type Effects = TrackedDomain['effects']

/** The lanes of an engine. */
export class Lanes {
  readonly #domains: Domains
  readonly #lanes = new Map<StreamPath, Lane>()
  readonly #ready: Record<Effects, Set<Lane>> = { transaction: new Set(), external: new Set() }
  #arrivals = 0

  constructor(domains: Domains) {
    this.#domains = domains
  }

  /** Arrivals that could be decided now, if there were room: their streams are not visited. */
  get waiting(): number {
    return this.#arrivals
  }

  /** Whether a stream is being visited now. */
  isVisited(path: StreamPath): boolean {
    return this.#lanes.get(path)?.isVisited === true
  }

  /** Whether something arrived for a stream, here or in its inbox, that is not decided in its visit. */
  hasBehind(path: StreamPath): boolean {
    const lane = this.#lanes.get(path)
    if (lane === undefined) return false
    return lane.arrivals.length > 0 || lane.looks.some(({ hasEntries }) => hasEntries === true)
  }

  /** Puts an arrival behind those of its stream. */
  add(arrival: CallArrival): void {
    const { path, domain, event } = arrival.intake
    let lane = this.#lanes.get(path)
    let length = 1
    if (lane === undefined) lane = this.#open(domain, path, event.stream, [arrival])
    else length = lane.arrivals.push(arrival)
    if (lane.isVisited) return
    this.#arrivals++
    if (length === 1) this.#ready[domain.effects].add(lane)
  }

  /** Has a stream looked at, if its domain is tracked; swept, once for all who ask before it is. */
  look(path: StreamPath, look: Look): void {
    let lane = this.#lanes.get(path)
    if (lane === undefined) {
      const parsed = parseStreamPath(path)
      const domain = parsed && this.#domains.byName.get(parsed.domain)
      if (parsed === undefined || domain?.kind !== 'tracked') return
      lane = this.#open(domain, path, parsed.stream, [])
    }
    if (look.isSweep === true && lane.looks.some(({ isSweep }) => isSweep === true)) return
    look.call.begin()
    lane.looks.push(look)
    if (!lane.isVisited) this.#makeReady(lane, 0)
  }

  /** Begins visits to streams with something to do, of about `max` arrivals together. */
  visit(effects: Effects, max: number): readonly StreamVisit[] {
    const visits: StreamVisit[] = []
    let room = max
    for (const lane of this.#ready[effects]) {
      if (room <= 0) break
      this.#take(lane)
      const visit = begin(lane, room)
      room -= Math.max(1, visit.arrivals.length)
      visits.push(visit)
    }
    return visits
  }

  /** Ends a visit; the stream can be visited again. Its calls are to be released, once nothing follows. */
  leave({ path, looks }: StreamVisit): void {
    for (const { call } of looks) call.end()
    const lane = this.#lanes.get(path)
    if (lane === undefined) return
    lane.isVisited = false
    const { length } = lane.arrivals
    if (length + lane.looks.length > 0) this.#makeReady(lane, length)
    else this.#lanes.delete(path)
  }

  /** Nothing was decided in a visit: what arrived comes first in the next one. */
  return({ path, arrivals }: StreamVisit): void {
    this.#lanes.get(path)?.arrivals.putBack(arrivals)
  }

  /** Takes out all that waits behind a visit. */
  takeBehind({ path }: StreamVisit): readonly CallArrival[] {
    return this.#lanes.get(path)?.arrivals.take() ?? []
  }

  /** Gives up all that is in no visit: what arrived fails, and nobody waits for the rest. */
  clear(error: unknown): void {
    for (const lane of this.#lanes.values()) {
      for (const arrival of lane.arrivals.take()) arrival.fail(error)
      for (const { call } of lane.looks.splice(0)) call.end()
      if (!lane.isVisited) this.#lanes.delete(lane.path)
    }
    for (const ready of Object.values(this.#ready)) ready.clear()
    this.#arrivals = 0
  }

  #open(domain: TrackedDomain, path: StreamPath, stream: string, came: CallArrival[]): Lane {
    const arrivals = new PartedQueue(came)
    const lane: Lane = { domain, path, stream, arrivals, looks: [], isVisited: false }
    this.#lanes.set(path, lane)
    return lane
  }

  /** A visit begins. */
  #take(lane: Lane): void {
    if (this.#ready[lane.domain.effects].delete(lane)) this.#arrivals -= lane.arrivals.length
    lane.isVisited = true
  }

  #makeReady(lane: Lane, arrivals: number): void {
    this.#arrivals += arrivals
    this.#ready[lane.domain.effects].add(lane)
  }
}

const nothing: readonly Look[] = []

function begin(lane: Lane, room: number): StreamVisit {
  const { domain, path, stream, looks } = lane
  const arrivals = lane.arrivals.take(room)
  if (looks.length === 0) {
    const calls = callsOf(arrivals)
    return { domain, path, stream, arrivals, calls, looks: nothing, isSweep: false, heal: undefined }
  }
  // One note about healing a visit: a second one is for the state that the first has left.
  const healing = looks.filter(({ heal }) => heal !== undefined)
  lane.looks = healing.slice(1)
  const taken = lane.looks.length === 0 ? looks : looks.filter((look) => !lane.looks.includes(look))
  return {
    domain,
    path,
    stream,
    arrivals,
    calls: callsOf([...arrivals, ...taken]),
    looks: taken,
    isSweep: taken.some(({ isSweep }) => isSweep === true),
    heal: healing[0]?.heal,
  }
}

/** Has each call wait for the visit that begins. */
function callsOf(parts: readonly { readonly call: Call }[]): readonly Call[] {
  const [first] = parts
  if (first === undefined) return []
  const calls = [first.call]
  first.call.begin()
  for (const { call } of parts) {
    if (call === calls.at(-1) || calls.includes(call)) continue
    call.begin()
    calls.push(call)
  }
  return calls
}

// I1, I3 and I6 at the end of the quiet phase: whatever can be delivered is. A stream that waits has a
// reason that its domain's policy gives: a number that never came, or an event that fails.
import type { Epoch, Position, Sequence } from '../../../src/core/sequence.ts'
import { before, comparePositions } from '../../../src/core/sequence.ts'
import type { StreamPath } from '../../../src/core/stream-path.ts'
import type { StreamState } from '../../../src/core/stream-state.ts'
import { uidOf } from '../produced.ts'
import type { Produced } from '../produced.ts'
import type { DomainScenario } from '../scenario.ts'
import type { SimulatedWorld } from '../simulated-world.ts'
import type { Check } from './check.ts'
import { domainOf, mayLoseItsWorker, pushesBack, shadowsOf } from './check.ts'
import { isBetween } from './numbers.ts'
import type { ShadowStore, ShadowStream } from './shadow-store.ts'

/** Nothing waits without a reason. */
export const checkDeliversAll: Check = (world) => {
  const breaches: string[] = []
  for (const [consumer, shadow] of shadowsOf(world)) {
    if (pushesBack(world, shadow)) continue
    for (const stream of shadow.streams.values()) {
      const domain = domainOf(world, stream.path)
      if (domain === undefined) continue
      const problem = waitsFor(shadow, stream, { world, domain, consumer })
      if (problem !== undefined) breaches.push(`I3: ${consumer} ${stream.path}: ${problem}`)
    }
    breaches.push(...unsettledWithoutReason(world, consumer))
  }
  return breaches
}

interface About {
  readonly world: SimulatedWorld
  readonly domain: DomainScenario
  readonly consumer: string
}

function waitsFor(shadow: ShadowStore, stream: ShadowStream, about: About): string | undefined {
  const { domain } = about
  const { state } = stream
  const unread = leftInInbox(shadow, stream, about)
  if (unread !== undefined) return unread
  if (state === undefined) return undefined
  const { halt, failing, held } = state
  if (halt?.cause === 'failure' || halt?.cause === 'schema') return badFailureHalt(stream, about)
  if (failing !== undefined) return `an event still waits for its next attempt`
  const [head] = held
  if (head === undefined) return halt === undefined ? undefined : `it is halted, and nothing is held`
  if (halt !== undefined && domain.gapEnd !== 'halt')
    return `it is halted at a gap, which its policy does not do`
  const unasked = askedTooLittle(state, domain)
  if (unasked !== undefined) return unasked
  if (halt === undefined && domain.gapEnd !== 'wait' && domain.numbering.kind !== 'increasing')
    return `a gap is still open, and its policy is ${domain.gapEnd}`
  return missing(shadow, stream, about) ? undefined : `events are held, and no number is missing`
}

/**
 * What is in the inbox of a stream that goes on waits rightly only if a number in front of the lowest of it
 * has not come. Of a counter that wraps more than a batch is looked at in order of arrival: what lies at or
 * below the position may wait behind what a full stream refuses.
 */
function leftInInbox(
  shadow: ShadowStore,
  { path, state, inbox }: ShadowStream,
  { world, domain, consumer }: About,
): string | undefined {
  const produced = inbox.flatMap(({ arrival }) => world.produced[uidOf(arrival) ?? -1] ?? [])
  const places = produced
    .map(({ epoch, sequence, fillFrom = sequence }) => ({ epoch, sequence: fillFrom }))
    .sort(comparePositions)
  const isInArrivalOrder = isCounter(domain) && inbox.length > world.scenario.batch
  const lowest = isInArrivalOrder
    ? places.find((place) => state === undefined || isAhead(state, place))
    : places[0]
  if (inbox.length === 0 || state?.halt !== undefined) return undefined
  const left = `${inbox.length} events are left in its inbox`
  if (state === undefined || lowest === undefined || domain.numbering.kind === 'increasing') return left
  const isCurrent = state.position !== undefined && state.epoch === lowest.epoch
  const reached = isCurrent ? (state.position ?? null) : null
  const isMissing = isAnyMissing(
    shadow,
    { path, epoch: lowest.epoch, reached, to: before(lowest.sequence) },
    {
      world,
      consumer,
    },
  )
  return isMissing ? undefined : `${left}, and no number in front of ${String(lowest.sequence)} is missing`
}

/** What came in front of the gap that halts a stream is held too, and waits for nothing of its own. */
function askedTooLittle(state: StreamState, { healing, numbering }: DomainScenario): string | undefined {
  const start = numbering.kind === 'contiguous' ? numbering.start : undefined
  const reached = state.position ?? (typeof start === 'number' ? before(start) : undefined)
  const gap = state.held.find(({ epoch, after }) => epoch !== state.epoch || after !== reached)
  if (gap === undefined || gap.after === null || healing === undefined) return undefined
  const asked = gap.clock.heal?.attempts ?? 0
  const wanted = healing.attempts
  return asked < wanted ? `a gap is open, and was asked for only ${asked} times of ${wanted}` : undefined
}

function badFailureHalt({ state, held }: ShadowStream, { world, domain }: About): string | undefined {
  const { failing } = state ?? {}
  if (failing === undefined || domain.failureThen !== 'halt')
    return 'it is halted by a failure without a reason'
  const event = held.get(`${failing.epoch}/${String(failing.sequence)}`)
  const uid = event === undefined ? undefined : uidOf(event.event)
  if (uid === undefined) return 'it is halted by an event that is not held'
  const produced = world.produced[uid]
  if (produced === undefined) return `it is halted by event ${uid}, which was never produced`
  const isRight =
    state?.halt?.cause === 'schema'
      ? produced.isRefused
      : produced.failures > 0 || mayLoseItsWorker(world, produced)
  return isRight
    ? undefined
    : `it is halted by event ${uid} over a ${state?.halt?.cause}, which is not true of it`
}

/**
 * Whether a number in front of the head, or of the gap that halts it, has not come: then the stream waits
 * rightly.
 */
function missing(
  shadow: ShadowStore,
  { path, state, inbox }: ShadowStream,
  { world, consumer, domain }: About,
): boolean {
  const [head] = state?.held ?? []
  if (state === undefined || head === undefined) return false
  const { epoch, sequence: to } = state.halt?.gapTo ?? { epoch: head.epoch, sequence: head.after }
  // With no room for all that closes it, a halt at a gap is ended by an operator.
  if (state.halt?.gapTo !== undefined && inbox.length > 0) return true
  const isCurrent = state.position !== undefined && state.epoch === epoch
  const reached = isCurrent ? (state.position ?? null) : null
  const range = { path, epoch, reached, to }
  return (
    (world.hasOperators && isAnyUnborne(domain, range, acceptedBy(world, consumer))) ||
    isAnyMissing(shadow, range, { world, consumer })
  )
}

/**
 * Whether nothing that came bears a number between two others: an operator's fill may lie behind some that
 * nobody ever produced, or over the end of a fill that has not come.
 */
function isAnyUnborne(
  { numbering }: DomainScenario,
  { path, epoch, reached, to }: NumberRange,
  accepted: ReadonlySet<Produced>,
): boolean {
  if (to === null) return false
  if (numbering.kind !== 'contiguous') return reached !== null && to > reached
  const first = numbering.start === 'first-seen' ? Number(to) : numbering.start
  const own = [...accepted].filter((one) => one.path === path && one.epoch === epoch)
  for (let number = reached === null ? first : Number(reached) + 1; number <= to; number++) {
    const isBorne = own.some(
      ({ kind, sequence, fillFrom = sequence }) =>
        kind !== 'invalid' && fillFrom <= number && number <= sequence,
    )
    if (!isBorne) return true
  }
  return false
}

/** Numbers of an epoch of a stream, behind `reached` (`null`: from the first one on). */
interface NumberRange {
  readonly path: StreamPath
  readonly epoch: Epoch
  readonly reached: Sequence | null
  readonly to: Sequence | null
}

/** Whether a number of a stream between two others was produced, and has not come or is a dead letter. */
function isAnyMissing(
  shadow: ShadowStore,
  range: NumberRange,
  { world, consumer }: Pick<About, 'world' | 'consumer'>,
): boolean {
  const { path, epoch, reached, to } = range
  const accepted = acceptedBy(world, consumer)
  const inFront = (produced: Produced): boolean =>
    produced.path === path &&
    produced.epoch === epoch &&
    to !== null &&
    isBetween(produced.sequence, reached, to)
  return world.produced.some(
    (produced) => inFront(produced) && (!accepted.has(produced) || shadow.buried.has(produced.uid)),
  )
}

function isCounter({ numbering }: DomainScenario): boolean {
  return numbering.kind === 'contiguous' && numbering.modulus !== undefined
}

function isAhead({ epoch, position }: StreamState, place: Position): boolean {
  return position === undefined || comparePositions(place, { epoch, sequence: position }) > 0
}

function acceptedBy(world: SimulatedWorld, consumer: string): ReadonlySet<Produced> {
  const accepted = world.history.of('available').filter((happening) => happening.consumer === consumer)
  return new Set(accepted.map(({ produced }) => produced))
}

/** Copies that are never settled. With a store that is not durable that is right for what is held. */
function unsettledWithoutReason(world: SimulatedWorld, consumer: string): readonly string[] {
  const copies = world.consumers.find(({ name }) => name === consumer)?.copies.open ?? []
  if (copies.length === 0 || !world.scenario.durable) return []
  return [`I4: ${consumer}: ${copies.length} copies are still not settled`]
}

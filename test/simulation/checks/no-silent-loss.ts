// I3: every event that a worker accepted ends somewhere, and every number up to a position has exactly one
// account.
import type { Produced } from '../produced.ts'
import { uidOf } from '../produced.ts'
import type { SimulatedWorld } from '../simulated-world.ts'
import { domainOf, isFirstSeen, shadowsOf } from './check.ts'
import type { Check } from './check.ts'
import type { ShadowStore, ShadowStream } from './shadow-store.ts'

/** Every event has an end, and the accounts of every stream add up. */
export const checkNoSilentLoss: Check = (world) => {
  const breaches: string[] = []
  for (const [consumer, shadow] of shadowsOf(world)) {
    const unsettled = unsettledOf(world, consumer)
    for (const produced of acceptedBy(world, consumer)) {
      if (unsettled.has(produced.uid) || hasEnded(world, shadow, produced)) continue
      const place = `${produced.epoch}/${String(produced.sequence)}`
      breaches.push(
        `I3: ${consumer} ${produced.path}: ${produced.kind} ${produced.uid} (${place}) has no end`,
      )
    }
    for (const stream of shadow.streams.values()) {
      const problem = accountProblem(world, consumer, stream)
      if (problem !== undefined) breaches.push(`I3: ${consumer} ${stream.path}: ${problem}`)
    }
  }
  return breaches
}

function acceptedBy(world: SimulatedWorld, consumer: string): ReadonlySet<Produced> {
  const accepted = world.history.of('available').filter((happening) => happening.consumer === consumer)
  return new Set(accepted.map(({ produced }) => produced))
}

function unsettledOf(world: SimulatedWorld, consumer: string): ReadonlySet<number> {
  const copies = world.consumers.find(({ name }) => name === consumer)?.copies.open ?? []
  return new Set(copies.map(({ produced }) => produced.uid))
}

function hasEnded(world: SimulatedWorld, shadow: ShadowStore, produced: Produced): boolean {
  const { uid, kind, path, epoch, sequence } = produced
  if (shadow.effects.has(uid) || shadow.buried.has(uid)) return true
  if (kind === 'invalid') return false
  const stream = shadow.stream(path)
  if (stream.inbox.some(({ arrival }) => uidOf(arrival) === uid)) return true
  if ([...stream.held.values()].some(({ event }) => uidOf(event) === uid)) return true
  const numbering = domainOf(world, path)?.numbering
  if (numbering?.kind === 'unordered') return produced.isFiltered
  const isAccounted = shadow.isAccounted(path, epoch, sequence)
  if (kind === 'fill')
    return isAccounted || shadow.isHeld(path, epoch, sequence) || isFirstSeen(domainOf(world, path))
  // What a stream no longer remembers in detail counts as a duplicate that is not proven; so does a rival's
  // number.
  const isForgiven = produced.isFiltered || numbering?.kind === 'increasing' || hasRival(world, produced)
  return isForgiven && (isAccounted || shadow.isHeld(path, epoch, sequence))
}

/** Whether another message bears, or fills, the same number. */
function hasRival(world: SimulatedWorld, { uid, path, epoch, sequence }: Produced): boolean {
  return world.produced.some(
    (other) =>
      other.uid !== uid &&
      other.kind !== 'invalid' &&
      other.path === path &&
      other.epoch === epoch &&
      (other.fillFrom ?? other.sequence) <= sequence &&
      sequence <= other.sequence,
  )
}

/** What does not add up in a stream's accounts: the state against itself, its ledger and its effects. */
function accountProblem(world: SimulatedWorld, consumer: string, stream: ShadowStream): string | undefined {
  const { state, held } = stream
  if (state === undefined || domainOf(world, stream.path)?.numbering.kind !== 'contiguous') return undefined
  const { counts, position, baseline, endedNumbers } = state
  const current =
    position === undefined || baseline === undefined ? 0 : Number(position) - Number(baseline) + 1
  const { delivered, filtered, filled, lost, removed, late } = counts
  const accounted = delivered + filtered + filled + lost + removed + late
  if (accounted !== current + endedNumbers) {
    const numbers = `${current + endedNumbers} numbers lie at or below the position`
    return `${numbers}, and ${accounted} have an account: ${JSON.stringify(counts)}`
  }
  const spans = state.held.filter(({ kind }) => kind === 'events')
  const counted = spans.reduce((sum, { count }) => sum + count, 0)
  if (counted !== held.size) return `${counted} events are held by its state, and ${held.size} are kept`
  return doubleAccount(world, consumer, stream)
}

/** A number that was delivered in the commit, and is also given up, filled or removed. */
function doubleAccount(
  world: SimulatedWorld,
  consumer: string,
  { path, ledger }: ShadowStream,
): string | undefined {
  const others = ledger.filter(({ kind }) => kind === 'lost' || kind === 'filled' || kind === 'removed')
  for (const { consumer: own, produced, effects, isRedrive } of world.history.of('effect')) {
    if (own !== consumer || produced.path !== path || effects !== 'transaction' || isRedrive === true)
      continue
    const { epoch, sequence } = produced
    const other = others.find(
      ({ epoch: its, from = 0, to = 0 }) => its === epoch && from <= sequence && sequence <= to,
    )
    if (other !== undefined) return `${epoch}/${String(sequence)} is delivered, and ${other.kind} too`
  }
  return undefined
}

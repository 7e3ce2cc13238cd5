// I8: a number is given up only after its gap was open for the patience of its domain, counted while the
// source was read. An outage adds nothing to that.
import type { StreamState } from '../../../src/core/stream-state.ts'
import type { Dated, Happening } from '../history.ts'
import type { SimulatedWorld } from '../simulated-world.ts'
import type { Check } from './check.ts'
import { domainOf } from './check.ts'

/** The store's clock counts breaks of up to five seconds, and beats up to that far apart. */
const toleranceMs = 5_000

/** A gap as the checks follow it: an event behind it was held, so much had been read by then. */
interface OpenGap {
  readonly epoch: number
  readonly to: number | bigint
  readonly readMs: number
  /** How often a healer was asked for it. */
  readonly attempts: number
}

/** Every gap that was ended had its patience; it opens when the claim was taken under which it was seen. */
export const checkHonestTime: Check = (world) => {
  const gaps = new Map<string, readonly OpenGap[]>()
  const claimedAt = new Map<string, number>()
  const breaches: string[] = []
  for (const happening of world.history.happenings) {
    if (happening.kind === 'claimed') {
      const { consumer, stream, fence, readMs = 0 } = happening
      claimedAt.set(`${consumer} ${stream} ${fence}`, readMs)
    }
    if (happening.kind !== 'committed') continue
    const { consumer, change, fence, readMs = 0 } = happening
    const scope = `${consumer} ${change.stream}`
    const open = gaps.get(scope) ?? []
    breaches.push(...endedTooSoon(world, open, { ...happening, readMs }))
    gaps.set(scope, follow(open, change.state, claimedAt.get(`${scope} ${fence}`) ?? readMs))
  }
  return breaches
}

function endedTooSoon(
  world: SimulatedWorld,
  open: readonly OpenGap[],
  commit: Dated<Extract<Happening, { kind: 'committed' }>> & { readonly readMs: number },
): readonly string[] {
  const { consumer, change, readMs, atMs } = commit
  const { patienceMs = 0, healing } = domainOf(world, change.stream) ?? {}
  return change.ledger.flatMap(({ kind, reason, to = 0, epoch = 0 }): string[] => {
    const isHalt = kind === 'halted' && change.state.halt?.cause === 'gap'
    if (!isHalt && !(kind === 'lost' && reason === 'gap-skipped')) return []
    const gap = open.find((gap) => gap.epoch === epoch && gap.to >= to)
    const since = gap?.readMs ?? readMs
    const asked = gap?.attempts ?? 0
    const wanted = healing?.attempts ?? 0
    if (readMs - since + toleranceMs >= patienceMs && asked >= wanted) return []
    const tried = `asked for ${asked} times of ${wanted}`
    const waited = `after ${readMs - since} ms of reading, of ${patienceMs}, ${tried}`
    const where = `I8: ${consumer} ${change.stream}`
    return [`${where}: the gap up to ${epoch}/${String(to)} was ended ${waited}, at ${atMs} ms`]
  })
}

/** The gaps in front of what is held now; one that was there before keeps its time. */
function follow(before: readonly OpenGap[], state: StreamState, readMs: number): readonly OpenGap[] {
  return state.held.flatMap(({ epoch, after, clock }): OpenGap[] => {
    if (after === null) return []
    const known = before.find((gap) => gap.epoch === epoch && gap.to >= after)
    const attempts = clock.heal?.attempts ?? 0
    return [{ epoch, to: after, readMs: known?.readMs ?? readMs, attempts }]
  })
}

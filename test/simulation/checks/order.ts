// I1: for one consumer and stream, committed effects come in strictly increasing (epoch, sequence). An
// effect outside is committed when the claim under which it was done commits a position at or behind it; one
// that is not will be repeated, and says nothing about order.
import type { Sequence } from '../../../src/core/sequence.ts'
import { comparePositions } from '../../../src/core/sequence.ts'
import type { Dated, Happening } from '../history.ts'
import type { Produced } from '../produced.ts'
import type { Check } from './check.ts'
import { domainOf } from './check.ts'

type Committed = Dated<Extract<Happening, { kind: 'committed' }>>

/** Effects in the commit, and effects outside that a fence protects, come in order. */
export const checkOrder: Check = (world) => {
  const commits = Map.groupBy(world.history.of('committed'), ({ consumer, change, fence }) =>
    keyOf(consumer, change.stream, fence),
  )
  const last = new Map<string, Produced>()
  const breaches: string[] = []
  for (const happening of world.history.happenings) {
    if (happening.kind !== 'effect' && happening.kind !== 'effect-repeated') continue
    const { consumer, produced, fence, atMs, isRedrive } = happening
    const { path } = produced
    if (isRedrive === true) continue
    if (domainOf(world, path)?.numbering.kind === 'unordered') continue
    const isTransaction = happening.kind === 'effect' && happening.effects === 'transaction'
    const own = fence === undefined ? [] : (commits.get(keyOf(consumer, path, fence)) ?? [])
    if (!isTransaction && !own.some((commit) => covers(commit, produced, atMs))) continue
    const before = last.get(`${consumer} ${path}`)
    last.set(`${consumer} ${path}`, produced)
    if (before === undefined || comparePositions(before, produced) < 0) continue
    const place = `${produced.epoch}/${String(produced.sequence)}`
    const earlier = `${before.epoch}/${String(before.sequence)}`
    breaches.push(
      `I1: ${consumer} ${path}: the effect of ${place} comes after that of ${earlier}, at ${atMs} ms`,
    )
  }
  return breaches
}

/**
 * A receiver that knows by their keys what it has done sees each number after all that are in front of it,
 * committed or not: once a handler was called for a number, none that is in front of it comes any more. Where
 * a stream begins with what comes first, or what is in front of a number is not known, that is not so.
 */
export const checkFirstEffects: Check = ({ history, scenario }) => {
  const greatest = new Map<string, Sequence>()
  const breaches: string[] = []
  for (const { consumer, produced, effects, isRedrive, atMs } of history.of('effect')) {
    const { domain, path, epoch, sequence } = produced
    const { numbering } = scenario.domains.find(({ name }) => name === domain) ?? {}
    const isKnown = numbering?.kind === 'contiguous' && numbering.start !== 'first-seen'
    if (effects !== 'external' || isRedrive === true || !isKnown) continue
    const own = `${consumer} ${path} ${epoch}`
    const before = greatest.get(own)
    if (before === undefined || before < sequence) greatest.set(own, sequence)
    else {
      const place = `${epoch}/${String(sequence)}`
      breaches.push(
        `I1: ${consumer} ${path}: ${place} has its first effect after ${String(before)}, at ${atMs} ms`,
      )
    }
  }
  return breaches
}

function keyOf(consumer: string, path: string, fence: number): string {
  return `${consumer} ${path} ${fence}`
}

/** Whether a commit of the same claim, after the effect, has the number behind it. */
function covers({ atMs, change }: Committed, produced: Produced, effectAtMs: number): boolean {
  const { epoch, position: sequence } = change.state
  if (atMs < effectAtMs || sequence === undefined) return false
  return comparePositions({ epoch, sequence }, produced) >= 0
}

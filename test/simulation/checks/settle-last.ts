// I4: a source is settled for an event only after the event has a durable end. With a store that is not
// durable, a held event keeps one of its copies unsettled.
import { after } from '../../../src/core/sequence.ts'
import type { Produced } from '../produced.ts'
import { uidOf } from '../produced.ts'
import type { Scenario } from '../scenario.ts'
import type { Check } from './check.ts'
import { domainOf, isFirstSeen } from './check.ts'
import { ShadowStore } from './shadow-store.ts'

/** At each settling the event has its end. */
export const checkSettleLast: Check = (world) => {
  const breaches: string[] = []
  for (const { name } of world.consumers) {
    const shadow = new ShadowStore()
    const underWay = new Map<number, number>()
    for (const happening of world.history.happenings) {
      if (!('consumer' in happening) || happening.consumer !== name) continue
      shadow.apply(happening)
      if (happening.kind !== 'read' && happening.kind !== 'settled') continue
      const { produced, atMs } = happening
      const open = (underWay.get(produced.uid) ?? 0) + (happening.kind === 'read' ? 1 : -1)
      underWay.set(produced.uid, open)
      if (happening.kind === 'read') continue
      const isUnordered = domainOf(world, produced.path)?.numbering.kind === 'unordered'
      if (produced.kind === 'fill' && isFirstSeen(domainOf(world, produced.path))) continue
      if (hasEnd(shadow, produced, { isUnordered, scenario: world.scenario, others: open })) continue
      const place = `${produced.epoch}/${String(produced.sequence)}`
      const what = `${produced.kind} ${produced.uid} (${produced.path} ${place})`
      breaches.push(`I4: ${name}: ${what} was settled at ${atMs} ms, and has no durable end`)
    }
  }
  return breaches
}

function hasEnd(
  shadow: ShadowStore,
  produced: Produced,
  about: { readonly isUnordered: boolean; readonly scenario: Scenario; readonly others: number },
): boolean {
  const { uid, path, epoch, sequence, fillFrom, kind } = produced
  if (shadow.buried.has(uid)) return true
  if (kind === 'invalid') return false
  if (about.isUnordered) return shadow.effects.has(uid) || produced.isFiltered
  const isKept = about.scenario.durable || about.others > 0
  if (isKept && shadow.stream(path).inbox.some(({ arrival }) => uidOf(arrival) === uid)) return true
  for (let number = fillFrom ?? sequence; number <= sequence; number = after(number)) {
    if (shadow.isAccounted(path, epoch, number)) continue
    if (!isKept || !shadow.isHeld(path, epoch, number)) return false
  }
  return true
}

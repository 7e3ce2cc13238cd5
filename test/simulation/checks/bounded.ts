// I7: held events, inboxes and attempts keep to their limits, and no worker keeps more than its
// look-ahead.
import type { Check } from './check.ts'
import { domainOf } from './check.ts'

/** Every limit of the scenario holds at every commit. */
export const checkBounded: Check = (world) => {
  const { scenario, history } = world
  const breaches: string[] = []
  for (const { consumer, change, atMs } of history.of('committed')) {
    const domain = domainOf(world, change.stream)
    if (domain === undefined) continue
    const { heldCount, failing } = change.state
    const where = `I7: ${consumer} ${change.stream}: at ${atMs} ms`
    // An event that fails is held whether there is room or not, a fill may be cut in pieces by what is held,
    // and in front of a gap that is given up a batch of its inbox is let in, as one may belong there.
    if (heldCount > domain.heldMax + scenario.batch + 3)
      breaches.push(`${where} ${heldCount} events are held, of at most ${domain.heldMax}`)
    // Who resumes a stream that was halted by a failure gives the event one more attempt.
    if (failing !== undefined && failing.attempts > domain.attempts && !world.hasOperators)
      breaches.push(`${where} attempt ${failing.attempts} was made, of at most ${domain.attempts}`)
  }
  const inboxes = new Map<string, number>()
  // Each worker may be about to append a batch for which there was room when it looked.
  const slack = scenario.workers * scenario.batch
  for (const happening of history.happenings) {
    if (happening.kind === 'handed-over') {
      for (const { stream, redrive } of happening.entries) {
        if (redrive === undefined) count(inboxes, `${happening.consumer} ${stream}`, 1)
      }
    } else if (happening.kind === 'committed') {
      count(inboxes, `${happening.consumer} ${happening.change.stream}`, -happening.decided.length)
    } else continue
    for (const domain of scenario.domains) {
      const scope = `${happening.consumer} ${domain.name}/`
      const total = sumOf(inboxes, scope)
      if (total > domain.handedOverMax + slack)
        breaches.push(`I7: ${scope} ${total} events are in inboxes, of at most ${domain.handedOverMax}`)
    }
  }
  return breaches
}

function count(counts: Map<string, number>, scope: string, change: number): void {
  counts.set(scope, (counts.get(scope) ?? 0) + change)
}

function sumOf(counts: ReadonlyMap<string, number>, prefix: string): number {
  let sum = 0
  for (const [scope, own] of counts) if (scope.startsWith(prefix)) sum += own
  return sum
}

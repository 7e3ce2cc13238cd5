// I5: only the newest claim of a stream can change it, and its place never goes back.
import { comparePositions } from '../../../src/core/sequence.ts'
import type { Position } from '../../../src/core/sequence.ts'
import type { Check } from './check.ts'

/** Each commit bears the newest fence of its stream, and moves it forward or not at all. */
export const checkOneAdvancer: Check = (world) => {
  const fences = new Map<string, number>()
  const places = new Map<string, Position>()
  const breaches: string[] = []
  for (const happening of world.history.happenings) {
    if (happening.kind === 'claimed') {
      const scope = `${happening.consumer} ${happening.stream}`
      fences.set(scope, Math.max(fences.get(scope) ?? 0, happening.fence))
    }
    if (happening.kind !== 'committed') continue
    const { consumer, change, fence, worker, atMs } = happening
    const scope = `${consumer} ${change.stream}`
    const newest = fences.get(scope) ?? 0
    if (fence < newest)
      breaches.push(`I5: ${scope}: ${worker} committed at ${atMs} ms with fence ${fence}, after ${newest}`)
    const { epoch, position: sequence } = change.state
    const before = places.get(scope)
    if (sequence === undefined) {
      if (before !== undefined) breaches.push(`I5: ${scope}: ${worker} forgot the position at ${atMs} ms`)
      continue
    }
    if (before !== undefined && comparePositions(before, { epoch, sequence }) > 0) {
      const [from, to] = [`${before.epoch}/${String(before.sequence)}`, `${epoch}/${String(sequence)}`]
      breaches.push(`I5: ${scope}: ${worker} moved it back from ${from} to ${to} at ${atMs} ms`)
    }
    places.set(scope, { epoch, sequence })
  }
  return breaches
}

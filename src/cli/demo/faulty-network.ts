// The demo's bad network: what was sent comes twice, too early, much too late, or not at all.
import type { SeededRandom } from '../../testing/seeded-random.ts'
import type { Booking } from './event-log.ts'

/** What the network did. */
export interface NetworkFaults {
  duplicated: number
  reordered: number
  delayed: number
  dropped: number
}

/** What arrives, in the order of arrival. */
export interface Arrivals {
  readonly bookings: readonly Booking[]
  readonly faults: Readonly<NetworkFaults>
}

const duplicateChance = 0.2
const reorderChance = 0.2
const delayChance = 0.01
const dropChance = 0.02

/** Puts bookings through the network. */
export function sendThrough(sent: readonly Booking[], random: SeededRandom): Arrivals {
  const faults: NetworkFaults = { duplicated: 0, reordered: 0, delayed: 0, dropped: 0 }
  const near = Math.max(10, Math.floor(sent.length / 50))
  const far = Math.max(20, Math.floor(sent.length / 6))
  const copies: { readonly booking: Booking; readonly place: number }[] = []
  sent.forEach((booking, index) => {
    if (random.chance(dropChance)) {
      faults.dropped++
      return
    }
    copies.push({ booking, place: index + shift() })
    if (!random.chance(duplicateChance)) return
    faults.duplicated++
    copies.push({ booking, place: index + random.whole(0, near) })
  })
  return { bookings: copies.sort((a, b) => a.place - b.place).map(({ booking }) => booking), faults }

  function shift(): number {
    if (random.chance(delayChance)) {
      faults.delayed++
      return random.whole(near, far)
    }
    if (!random.chance(reorderChance)) return 0
    faults.reordered++
    return random.whole(1, near)
  }
}

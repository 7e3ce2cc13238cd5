// Processes that number events by a sequencer and publish them without a log, and one that publishes the
// fills. What a reservation numbers is written to disk before it is used, and published from there.
import { InturnError } from '../../../src/core/errors.ts'
import type { Sequencer } from '../../../src/producer/sequencer.ts'
import { sequencer } from '../../../src/producer/sequencer.ts'
import type { Living, Program } from './mortal-process.ts'
import { retried } from './mortal-process.ts'
import type { ProducerWorld } from './producer-world.ts'
import { publisher, troubledSequences } from './troubled-ports.ts'

/** The domain of what a sequencer numbers. */
export const orders = 'order'

interface Booking {
  readonly id: string
  readonly stream: string
  readonly kind: 'use' | 'burn' | 'forget'
}

/** An event with its number, as it is on disk. */
interface KeptEvent {
  readonly reservation: string
  readonly event: object
}

function numbersOf(world: ProducerWorld, living: Living): Sequencer<string> {
  const claim = world.scenario.claimMs
  const store = troubledSequences(world, living)
  return sequencer({ store, domain: orders, claim, timers: living.life.timers })
}

/** A program that books some orders. */
export function numberingProgram(world: ProducerWorld, name: string): Program {
  const random = world.random.fork()
  const bookings = Array.from({ length: world.scenario.bookings }, (_, index): Booking => ({
    id: `${name}-${index}`,
    stream: `o${random.whole(1, 2)}`,
    kind: random.pick(['use', 'use', 'use', 'burn', 'forget']),
  }))
  const disk: { done: number; kept: KeptEvent | undefined } = { done: 0, kept: undefined }
  return async (living) => {
    const numbers = numbersOf(world, living)
    const publish = publisher(world, living)
    for (let booking = bookings[disk.done]; booking !== undefined; booking = bookings[disk.done]) {
      await living.life.timers.sleep(living.random.whole(0, 1_500))
      disk.kept ??= await reserve(numbers, living, booking)
      const { kept } = disk
      const isUsed = kept !== undefined && (await isUsable(numbers, living, kept))
      if (kept !== undefined && isUsed) await retried(living, () => publish(kept.event))
      if (isUsed) world.booked.add(booking.id)
      disk.kept = undefined
      if (isUsed || booking.kind !== 'use') disk.done++
    }
  }
}

/** A program that publishes fills. */
export function fillingProgram(world: ProducerWorld): Program {
  return async (living) => {
    const numbers = numbersOf(world, living)
    const publish = publisher(world, living)
    while (!living.stop.aborted) {
      await retried(living, async () => {
        for await (const fill of numbers.fills({ signal: living.stop })) {
          world.note(`${living.id} fills ${fill.stream} ${fill.fill.from} to ${fill.fill.to}`)
          await publish(fill)
        }
      })
    }
  }
}

/** Takes a number; what is to be published under it, unless it is given up. */
async function reserve(
  numbers: Sequencer<string>,
  living: Living,
  { id, stream, kind }: Booking,
): Promise<KeptEvent | undefined> {
  const reserved = await retried(living, () => numbers.next(stream))
  if (kind === 'burn') await retried(living, () => reserved.burn('the order was refused'))
  if (kind !== 'use') return undefined
  const event = { domain: orders, stream, sequence: reserved.from, id, type: 'order.made', data: null }
  return { reservation: reserved.id, event }
}

async function isUsable(numbers: Sequencer<string>, living: Living, kept: KeptEvent): Promise<boolean> {
  try {
    await retried(living, () => numbers.use(kept.reservation))
    return true
  } catch (error) {
    if (error instanceof InturnError && error.code === 'reservation-ended') return false
    throw error
  }
}

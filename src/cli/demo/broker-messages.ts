// What the demo's broker and log, and its worker in another process, say to each other.
import type { Booking } from './event-log.ts'

/** A booking under way, with the ticket that settles it. */
export interface BrokerDelivery {
  readonly ticket: number
  readonly booking: Booking
}

/** Bookings that a worker misses. */
interface AskedBookings {
  readonly stream: string
  readonly from: number
  readonly to: number
}

/** From the worker. */
export type FromWorker =
  | { readonly kind: 'read'; readonly max: number; readonly waitMs: number }
  | { readonly kind: 'settle'; readonly tickets: readonly number[] }
  | { readonly kind: 'heal'; readonly question: number; readonly asked: AskedBookings }
  | { readonly kind: 'verdicts'; readonly verdicts: Readonly<Record<string, number>> }

/** To the worker. */
export type ToWorker =
  | { readonly kind: 'deliveries'; readonly deliveries: readonly BrokerDelivery[] }
  | { readonly kind: 'healed'; readonly question: number; readonly bookings: readonly Booking[] }
  | { readonly kind: 'stop' }

const fromWorkerKinds: readonly unknown[] = ['read', 'settle', 'heal', 'verdicts']
const toWorkerKinds: readonly unknown[] = ['deliveries', 'healed', 'stop']

/** Whether a message came from the demo's worker: no other program has the other end. */
export function isFromWorker(message: unknown): message is FromWorker {
  return fromWorkerKinds.includes(kindOf(message))
}

/** Whether a message came from the demo's broker. */
export function isToWorker(message: unknown): message is ToWorker {
  return toWorkerKinds.includes(kindOf(message))
}

function kindOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null ? Reflect.get(message, 'kind') : undefined
}

/** The consumer whose positions the demo keeps. */
export const demoConsumer = 'journal'

/** The domain of its events. */
export const demoDomain = 'account'

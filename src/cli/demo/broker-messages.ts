// What the demo's broker and its worker, two processes, say to each other.
import type { Booking } from './event-log.ts'

/** A booking under way, with the ticket that settles it. */
export interface BrokerDelivery {
  readonly ticket: number
  readonly booking: Booking
}

/** From the worker. */
export type FromWorker =
  | { readonly kind: 'read'; readonly max: number; readonly waitMs: number }
  | { readonly kind: 'settle'; readonly tickets: readonly number[] }
  | { readonly kind: 'verdicts'; readonly verdicts: Readonly<Record<string, number>> }

/** To the worker. */
export type ToWorker =
  | { readonly kind: 'deliveries'; readonly deliveries: readonly BrokerDelivery[] }
  | { readonly kind: 'stop' }

const fromWorkerKinds: readonly unknown[] = ['read', 'settle', 'verdicts']
const toWorkerKinds: readonly unknown[] = ['deliveries', 'stop']

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

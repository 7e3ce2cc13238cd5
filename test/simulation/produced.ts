// What the producers of a simulation have produced: the truth that every check compares with.
import type { Epoch, Sequence } from '../../src/core/sequence.ts'
import type { StreamPath } from '../../src/core/stream-path.ts'

/** One message that was produced. All its copies carry the same `uid`. */
export interface Produced {
  readonly uid: number
  readonly kind: 'event' | 'fill' | 'invalid'
  /** What the transport carries. */
  readonly message: Readonly<Record<string, unknown>>
  readonly domain: string
  readonly path: StreamPath
  readonly epoch: Epoch
  /** As the consumer must see it: unwrapped. The last number of a fill. */
  readonly sequence: Sequence
  /** The first number of a fill. */
  readonly fillFrom?: Sequence
  /** Whether another event bears the same number. */
  readonly isConflict: boolean
  /** Whether the number is too far ahead to be believed. */
  readonly isImplausible: boolean
  /** How many attempts of its handler fail; Infinity: all of them. */
  readonly failures: number
  readonly isFiltered: boolean
  /** Whether its data does not fit its schema. */
  readonly isRefused: boolean
  /** Whether its handler kills the worker, as long as there are troubles. */
  readonly isDeadly: boolean
  readonly handlerMs: number
}

/** When copies of a message come to a consumer; empty: never. */
export interface Arrivals {
  readonly produced: Produced
  /** Ascending, in elapsed milliseconds; Infinity: when the quiet phase begins. */
  readonly copiesAtMs: readonly number[]
}

/**
 * The `uid` in the data of an event, a message, or a dead letter's payload; `undefined` where there is
 * none.
 */
export function uidOf(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if ('uid' in value && typeof value.uid === 'number') return value.uid
  if ('data' in value) return uidOf(value.data)
  if ('fill' in value) return uidOf({ data: parseReason(value.fill) })
  return undefined
}

/** A fill has no data: its uid stands in its reason. */
function parseReason(fill: unknown): unknown {
  if (typeof fill !== 'object' || fill === null || !('reason' in fill)) return undefined
  const match = /^uid (?<uid>\d+)$/.exec(String(fill.reason))
  return match?.groups === undefined ? undefined : { uid: Number(match.groups['uid']) }
}

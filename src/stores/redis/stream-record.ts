// A stream as it is kept: a byte of flags, the fence and the time of the last change and the count of
// deliveries in seven bits a byte, and then its state. The script of a commit writes it; this reads it.
import { decodeState, writeState } from '../../core/encode-state.ts'
import type { StreamState } from '../../core/stream-state.ts'
import { ByteReader, ByteWriter } from '../../core/varints.ts'
import type { StreamChange } from '../../ports/store.ts'
import { standingOf } from '../../storage/stream-index.ts'

/** A stream's record. */
export interface StreamRecord {
  readonly deliveries: number
  readonly fence: number
  readonly changedAt: number
  readonly state: StreamState
}

/** A record from its bytes. */
export function readRecord(bytes: Buffer): StreamRecord {
  const reader = new ByteReader(bytes, 1)
  const fence = reader.number()
  const changedAt = reader.number()
  const deliveries = reader.number()
  return { deliveries, fence, changedAt, state: decodeState(bytes, reader.at) }
}

const scratch = new ByteWriter()

/** What a record ends with: the count of deliveries, and the state. */
export function encodeCounted(deliveries: number, state: StreamState): Uint8Array {
  return scratch.written(() => {
    scratch.numbers([deliveries])
    writeState(scratch, state)
  })
}

/** The flags of a changed stream: 0 nothing, 1 waits, 2 its head failed, 3 halted; 4, 8: is due. */
export function flagsOf(change: StreamChange): number {
  const { due } = change
  return standingOf(change) + (due.at === undefined ? 0 : 4) + (due.readingMs === undefined ? 0 : 8)
}

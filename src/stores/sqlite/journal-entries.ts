// The form of a journal row's entries: for each stream its row id, its deliveries, and its state as bytes.
import { writeState } from '../../core/encode-state.ts'
import type { StreamState } from '../../core/stream-state.ts'
import { ByteReader, ByteWriter } from '../../core/varints.ts'

/** One stream's entry. */
export interface JournalEntry<State = StreamState> {
  /** The id of the stream's row. */
  readonly id: number
  readonly deliveries: number
  readonly state: State
}

/** Two numbers of at most 8 bytes each, and the length of the state. */
const headMax = 20

const scratch = new ByteWriter()

/** Entries as bytes. */
export function packEntries(entries: readonly JournalEntry[]): Uint8Array {
  return scratch.written(() => {
    for (const entry of entries) pack(entry)
  })
}

function pack({ id, deliveries, state }: JournalEntry): void {
  scratch.reserve(headMax)
  scratch.number(id)
  scratch.number(deliveries)
  const lengthAt = scratch.at
  scratch.at += 4
  writeState(scratch, state)
  const end = scratch.at
  scratch.at = lengthAt
  scratch.word(end - lengthAt - 4)
  scratch.at = end
}

/** Entries from bytes, in the order in which they were packed; each state as its bytes. */
export function unpackEntries(bytes: Uint8Array): JournalEntry<Uint8Array>[] {
  const entries: JournalEntry<Uint8Array>[] = []
  const reader = new ByteReader(bytes)
  while (reader.at < bytes.length) {
    const [id, deliveries, length] = [reader.number(), reader.number(), reader.word()]
    entries.push({ id, deliveries, state: bytes.subarray(reader.at, reader.at + length) })
    reader.at += length
  }
  return entries
}

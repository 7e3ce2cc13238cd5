// The form of a journal row's entries: for each stream its row id, its deliveries, and its state as bytes.

/** One stream's entry. */
export interface JournalEntry {
  /** The id of the stream's row. */
  readonly id: number
  readonly deliveries: number
  /** The state as `encodeState` writes it. */
  readonly state: Uint8Array
}

/** Three numbers of at most 8 bytes each. */
const headMax = 24

/** Entries as bytes. */
export function packEntries(entries: readonly JournalEntry[]): Uint8Array {
  const size = entries.reduce((sum, { state }) => sum + headMax + state.length, 0)
  const bytes = new Uint8Array(size)
  let at = 0
  for (const { id, deliveries, state } of entries) {
    at = writeNumber(bytes, at, id)
    at = writeNumber(bytes, at, deliveries)
    at = writeNumber(bytes, at, state.length)
    bytes.set(state, at)
    at += state.length
  }
  return bytes.subarray(0, at)
}

/** Entries from bytes, in the order in which they were packed. */
export function unpackEntries(bytes: Uint8Array): JournalEntry[] {
  const entries: JournalEntry[] = []
  let at = 0
  const next = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] ?? 0
      value += (byte % 128) * scale
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const [id, deliveries, length] = [next(), next(), next()]
    entries.push({ id, deliveries, state: bytes.subarray(at, at + length) })
    at += length
  }
  return entries
}

function writeNumber(bytes: Uint8Array, start: number, value: number): number {
  let at = start
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) + 128
  bytes[at++] = rest
  return at
}

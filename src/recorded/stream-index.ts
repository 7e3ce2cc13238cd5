// Gives each stream key a small number, looked up by the key's bytes so that no string is built for a stream
// that is known already. Memory grows with streams.

/** Words of a slot: the key's hash, its number + 1 (0 for a free slot), where its name starts and ends. */
const slotWords = 1 << 2

/** Numbers stream keys in the order in which they are first looked up. */
export class StreamIndex {
  #count = 0
  /** A power of two of slots, at least twice as many as keys; all of a key in one line of cache. */
  #slots = new Uint32Array(1024 * slotWords)
  #names: Buffer = Buffer.alloc(16 * 1024)
  #nameBytes = 0
  #newKeys: string[] = []

  /** The number of the key from `start` to `end`, which is UTF-8. */
  idOf(bytes: Uint8Array, start: number, end: number): number {
    let hash = 0x811c9dc5 | 0
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193)
    hash = (hash ^ (hash >>> 15)) >>> 0
    const slots = this.#slots
    const mask = slots.length - 1
    for (let slot = (hash << 2) & mask; ; slot = (slot + slotWords) & mask) {
      const id = slots[slot + 1] ?? 0
      if (id === 0) return this.#add({ slot, hash }, bytes.subarray(start, end))
      if (slots[slot] === hash && this.#isName(slot, bytes, { start, end })) return id - 1
    }
  }

  /** The keys that were added since this was last asked, in the order of their numbers. */
  takeNewKeys(): string[] {
    const keys = this.#newKeys
    this.#newKeys = []
    return keys
  }

  #isName(slot: number, bytes: Uint8Array, { start, end }: { start: number; end: number }): boolean {
    const from = this.#slots[slot + 2] ?? 0
    if ((this.#slots[slot + 3] ?? 0) - from !== end - start) return false
    const names = this.#names
    let at = end - 1
    for (let name = from + at - start; at >= start && names[name] === bytes[at]; name--) at--
    return at < start
  }

  #add({ slot, hash }: { slot: number; hash: number }, key: Uint8Array): number {
    const from = this.#nameBytes
    this.#nameBytes += key.length
    if (this.#nameBytes > this.#names.length) {
      const names = Buffer.alloc(this.#nameBytes * 2)
      this.#names.copy(names)
      this.#names = names
    }
    this.#names.set(key, from)
    this.#newKeys.push(this.#names.toString('utf8', from, this.#nameBytes))
    this.#count++
    this.#slots.set([hash, this.#count, from, this.#nameBytes], slot)
    if (this.#count * slotWords * 2 > this.#slots.length) this.#rehash()
    return this.#count - 1
  }

  #rehash(): void {
    const old = this.#slots
    const slots = new Uint32Array(old.length * 4)
    const mask = slots.length - 1
    for (let from = 0; from < old.length; from += slotWords) {
      if (old[from + 1] === 0) continue
      let slot = ((old[from] ?? 0) << 2) & mask
      while (slots[slot + 1] !== 0) slot = (slot + slotWords) & mask
      slots.set(old.subarray(from, from + slotWords), slot)
    }
    this.#slots = slots
  }
}

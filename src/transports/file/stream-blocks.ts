// Which parts of a file have lines of which streams: the file in blocks of whole lines, and for each a few
// bits of the streams in it, so that a question about one stream reads a small part of the file. A block may
// be read in vain, and is never passed over wrongly. Upholds I7: a bounded part of the file's size.
import { fingerprint } from '../../core/fingerprint.ts'

/** A part of a file. */
export interface FilePart {
  readonly start: number
  readonly end: number
}

/** Which streams a line may name. */
export type NamedStreams = { readonly name: string } | 'none' | 'any'

interface Block {
  readonly start: number
  end: number
  readonly bits: Uint32Array
}

const blockBytes = 64 * 1024
const bitsOfBlock = 4_096
const blocksMax = 65_536

/** The blocks of one file, from its beginning. */
export class StreamBlocks {
  readonly #blocks: Block[] = []

  /** How far the file is known, in bytes; what lies behind must be read. */
  get end(): number {
    return this.#blocks.at(-1)?.end ?? 0
  }

  /** Whether lines that follow can be noted. */
  get hasRoom(): boolean {
    return this.#blocks.length < blocksMax
  }

  /** Notes a line that lies behind all that are known. */
  note(stream: NamedStreams, place: FilePart): void {
    let block = this.#blocks.at(-1)
    if (block === undefined || block.end - block.start >= blockBytes) {
      block = { start: this.end, end: place.end, bits: new Uint32Array(bitsOfBlock / 32) }
      this.#blocks.push(block)
    }
    block.end = place.end
    if (stream === 'any') block.bits.fill(-1)
    if (typeof stream === 'string') return
    const bit = fingerprint(stream.name) % bitsOfBlock
    const word = bit >>> 5
    block.bits[word] = (block.bits[word] ?? 0) | (1 << (bit & 31))
  }

  /** The known parts that may have lines of a stream, ascending; neighbours are one part. */
  partsOf(stream: string): readonly FilePart[] {
    const bit = fingerprint(stream) % bitsOfBlock
    const parts: { start: number; end: number }[] = []
    for (const { start, end, bits } of this.#blocks) {
      if (((bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) continue
      const last = parts.at(-1)
      if (last?.end === start) last.end = end
      else parts.push({ start, end })
    }
    return parts
  }
}

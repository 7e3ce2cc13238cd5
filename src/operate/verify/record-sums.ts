// Sums over the ledger and the dead letters by stream: one pass over each list instead of a read for every
// stream, for as many streams at a time as there is room for. Upholds I7.
import type { StreamPath } from '../../core/stream-path.ts'
import type { ConsumerView } from '../paging.ts'
import { eachDeadLetter, eachLedgerEntry } from '../paging.ts'
import type { LedgerSums, LetterSums } from './stream-evidence.ts'
import { addEntry, addLetter, noLedger, noLetters } from './stream-evidence.ts'

/** The sums of one stream. */
export interface RecordSums {
  readonly ledger: LedgerSums
  readonly letters: LetterSums
}

/** The sums of a stream of which nothing is recorded. */
export const noRecords: RecordSums = { ledger: noLedger, letters: noLetters }

/** The sums of all streams that lie in one part of the paths. */
export interface SumsPart {
  readonly sums: Map<StreamPath, RecordSums>
  /** The last path of the part; absent: it reaches to the end. */
  readonly through: StreamPath | undefined
}

/** Reads the sums of streams behind a path, of about `streamsMax` of those that have records. */
export async function readSums(
  view: ConsumerView,
  behind: StreamPath,
  how: { readonly streamsMax: number; readonly onRecord: () => void },
): Promise<SumsPart> {
  const part = new Part(behind, how.streamsMax)
  for await (const entry of eachLedgerEntry(view)) {
    how.onRecord()
    part.add(entry.stream, ({ ledger, letters }) => ({ ledger: addEntry(ledger, entry), letters }))
  }
  for await (const letter of eachDeadLetter(view)) {
    how.onRecord()
    part.add(letter.stream, ({ ledger, letters }) => ({ ledger, letters: addLetter(letters, letter) }))
  }
  return part
}

class Part implements SumsPart {
  readonly sums = new Map<StreamPath, RecordSums>()
  through: StreamPath | undefined
  readonly #behind: StreamPath
  readonly #streamsMax: number

  constructor(behind: StreamPath, streamsMax: number) {
    this.#behind = behind
    this.#streamsMax = streamsMax
  }

  add(stream: StreamPath | undefined, added: (sums: RecordSums) => RecordSums): void {
    if (stream === undefined || stream <= this.#behind) return
    if (this.through !== undefined && stream > this.through) return
    this.sums.set(stream, added(this.sums.get(stream) ?? noRecords))
    if (this.sums.size >= 2 * this.#streamsMax) this.#shorten()
  }

  /** Leaves the streams that come last to another part. */
  #shorten(): void {
    const paths = [...this.sums.keys()].sort()
    this.through = paths[this.#streamsMax - 1]
    for (const path of paths.slice(this.#streamsMax)) this.sums.delete(path)
  }
}

// What a unit of work knows while it runs: its consumer, its fence, the rows of its streams, and the states
// it has read and written, which the cache takes over once they are committed. Layers follow the
// savepoints. And what a unit reads besides, the same for both modes: from the transaction, or from what is
// committed.
import { invariant } from '../../core/errors.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import { unknownStream } from '../../core/stream-state.ts'
import type {
  DomainStatus,
  HeldEvent,
  HeldRange,
  InboxPage,
  InboxSize,
  StoredEntry,
} from '../../ports/records.ts'
import type { WonStream } from '../../ports/store.ts'
import type { UnitReads } from '../../storage/unit-of-work.ts'
import type { BegunUnit, Consumer } from './consumers.ts'
import type { Database } from './database.ts'
import { readHeld } from './held.ts'
import { readInboxes, readPage } from './inbox.ts'
import { foldJournal } from './journal.ts'
import { findIds } from './processed-ids.ts'
import type { KnownStream } from './streams.ts'
import { readStreams } from './streams.ts'

/** The streams of a unit of work. */
export class UnitScope {
  readonly database: Database
  readonly consumer: Consumer
  readonly fence: number
  readonly #won: ReadonlySet<StreamPath>
  readonly #known = new Map<StreamPath, KnownStream>()
  #layers = [newLayer()]
  #mayJournal = true

  constructor(database: Database, consumer: Consumer, won: BegunUnit & { streams: ReadonlySet<StreamPath> }) {
    this.database = database
    this.consumer = consumer
    this.fence = won.fence
    this.#won = won.streams
    this.#readStates(won.journalEntries > 0)
  }

  get won(): ReadonlySet<StreamPath> {
    return this.#won
  }

  /**
   * Whether moved positions may go to the journal: not while states come from the file, which needs it
   * folded.
   */
  get mayJournal(): boolean {
    return this.#mayJournal
  }

  /** Every stream that was won. Where no domain has anything in inboxes, none is read. */
  streams(
    domains: ReadonlyMap<string, DomainStatus>,
    takenOver: ReadonlySet<StreamPath>,
  ): Map<StreamPath, WonStream> {
    const { fence } = this
    const isQuiet = [...domains.values()].every(({ handedOver }) => handedOver === 0)
    const inboxes = isQuiet ? noInboxes : readInboxes(this.database, this.consumer.id, this.#won)
    const streams = new Map<StreamPath, WonStream>()
    for (const path of this.#won) {
      const state = this.find(path)?.state ?? unknownStream
      streams.set(path, { state, fence, inbox: inboxes.get(path), isTakenOver: takenOver.has(path) })
    }
    return streams
  }

  /** What is known of a stream, if it has a row. */
  find(path: StreamPath): KnownStream | undefined {
    const layers = this.#layers
    for (let depth = layers.length - 1; depth >= 0; depth--) {
      const stream = layers[depth]?.get(path)
      if (stream !== undefined) return stream
    }
    return this.#known.get(path)
  }

  /** A stream was written; the cache learns of it once that is committed. */
  wrote(path: StreamPath, stream: KnownStream): void {
    this.#layers.at(-1)?.set(path, stream)
  }

  /** How many savepoints are open. */
  get depth(): number {
    return this.#layers.length - 1
  }

  /** A savepoint begins. */
  enter(): void {
    this.#layers.push(newLayer())
  }

  /** A savepoint ends: what it wrote counts as written, or is forgotten. */
  leave(isKept: boolean): void {
    const [inner, outer] = [this.#layers.pop(), this.#layers.at(-1)]
    invariant(inner !== undefined && outer !== undefined, 'a savepoint ended that had not begun')
    if (isKept) for (const [path, stream] of inner) outer.set(path, stream)
  }

  /** Everything that was read and written is committed. */
  committed(): void {
    for (const layer of this.#layers) {
      for (const [path, stream] of layer) {
        this.#known.set(path, stream)
        this.consumer.cache.keep(path, stream)
      }
    }
    this.#layers = [newLayer()]
  }

  /** Nothing that was written is committed. */
  undone(): void {
    this.#layers = [newLayer()]
  }

  #readStates(hasJournal: boolean): void {
    const missing: StreamPath[] = []
    for (const path of this.#won) {
      const known = this.consumer.cache.find(path)
      if (known === undefined) missing.push(path)
      else this.#known.set(path, known)
    }
    let found = readStreams(this.database, this.consumer.id, missing)
    this.#mayJournal = found.size === 0
    if (found.size > 0 && hasJournal) {
      foldJournal(this.database, this.consumer.id)
      found = readStreams(this.database, this.consumer.id, missing)
    }
    for (const [path, stream] of found) this.#layers[0]?.set(path, stream)
  }
}

const noInboxes: ReadonlyMap<StreamPath, InboxSize> = new Map()

function newLayer(): Map<StreamPath, KnownStream> {
  return new Map()
}

/** Where a unit reads. */
export interface ReadsParts {
  readonly scope: UnitScope
  /** The connection whose view of the file counts. */
  readonly database: Database
  readonly now: () => number
}

/** Reads for a unit of work. */
export class SqliteUnitReads implements UnitReads {
  readonly #parts: ReadsParts

  constructor(parts: ReadsParts) {
    this.#parts = parts
  }

  async held(ranges: readonly HeldRange[]): Promise<readonly HeldEvent[]> {
    const { scope, database } = this.#parts
    return ranges.flatMap((range) => {
      const id = scope.find(range.stream)?.id
      return id === undefined ? [] : readHeld(database, id, range)
    })
  }

  async inbox(pages: readonly InboxPage[]): Promise<readonly StoredEntry[]> {
    const { scope, database } = this.#parts
    return pages.flatMap((page) => readPage(database, scope.consumer.id, page))
  }

  async knownIds(domain: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
    const { scope, database, now } = this.#parts
    return findIds(database, scope.consumer.id, { domain, ids, now: now() })
  }
}

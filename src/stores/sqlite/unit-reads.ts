// What a unit of work may read: the same for both modes, from the transaction or from what is committed.
import type { StreamPath } from '../../core/stream-path.ts'
import type { DeadLetter, HeldEvent, HeldRange, StoredHandedOver } from '../../ports/records.ts'
import type { Database } from './database.ts'
import { readHandedOver } from './handed-over.ts'
import { readHeld } from './held.ts'
import { findIds } from './processed-ids.ts'
import { findBuried, readOverflow } from './records.ts'
import type { UnitScope } from './unit-scope.ts'

/** Reads for a unit of work. */
export class UnitReads {
  readonly #scope: UnitScope
  readonly #database: Database

  /** `database`: the connection whose view of the file counts. */
  constructor(scope: UnitScope, database: Database) {
    this.#scope = scope
    this.#database = database
  }

  held(ranges: readonly HeldRange[]): HeldEvent[] {
    return ranges.flatMap((range) => {
      this.#scope.checkWon(range.stream)
      const id = this.#scope.idOf(range.stream)
      return id === undefined ? [] : readHeld(this.#database, id, range)
    })
  }

  handedOver(streams: readonly StreamPath[], limit: number): StoredHandedOver[] {
    for (const stream of streams) this.#scope.checkWon(stream)
    return readHandedOver(this.#database, this.#scope.consumer.id, { streams, limit })
  }

  overflow(stream: StreamPath, limit: number): DeadLetter[] {
    this.#scope.checkWon(stream)
    return readOverflow(this.#database, this.#scope.consumer.id, { stream, limit })
  }

  buried(keys: readonly string[]): Set<string> {
    return findBuried(this.#database, this.#scope.consumer.id, keys)
  }

  knownIds(domain: string, ids: readonly string[], now: number): Set<string> {
    return findIds(this.#database, this.#scope.consumer.id, { domain, ids, now })
  }
}

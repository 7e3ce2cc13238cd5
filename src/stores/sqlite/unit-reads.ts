// What a unit of work may read: the same for both modes, from the transaction or from what is committed.
import type { HeldEvent, HeldRange, InboxPage, StoredEntry } from '../../ports/records.ts'
import type { Database } from './database.ts'
import { readHeld } from './held.ts'
import { readPage } from './inbox.ts'
import { findIds } from './processed-ids.ts'
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

  inbox(pages: readonly InboxPage[]): StoredEntry[] {
    return pages.flatMap((page) => {
      this.#scope.checkWon(page.stream)
      return readPage(this.#database, this.#scope.consumer.id, page)
    })
  }

  knownIds(domain: string, ids: readonly string[], now: number): Set<string> {
    return findIds(this.#database, this.#scope.consumer.id, { domain, ids, now })
  }
}

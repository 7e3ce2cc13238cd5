// What a unit of work reads: the same for both modes, from the transaction or from what is committed.
import type { HeldEvent, HeldRange, InboxPage, StoredEntry } from '../../ports/records.ts'
import type { UnitReads } from '../../storage/unit-of-work.ts'
import type { Database } from './database.ts'
import { readHeld } from './held.ts'
import { readPage } from './inbox.ts'
import { findIds } from './processed-ids.ts'
import type { UnitScope } from './unit-scope.ts'

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
      const id = scope.idOf(range.stream)
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

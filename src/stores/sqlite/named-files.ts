// The files of an open database, as their paths name them: the database, its write-ahead log and the index of
// that. When one was deleted, or another file stands in its place, whatever is written goes where nobody will
// find it, and may damage what is there. Upholds I10.
import type { BigIntStats } from 'node:fs'
import { statSync } from 'node:fs'
import { InturnError } from '../../core/errors.ts'
import { errorMessage } from '../../core/thrown.ts'

/** Where a file lies on its disk; the same for as long as it is the same file. */
type Place = string

/** The files of one open database. */
export class NamedFiles {
  readonly #path: string
  /** By path. What was not there yet is taken in when it is first seen: SQLite makes it when it needs it. */
  readonly #places = new Map<string, Place | undefined>()

  /**
   * @param path - the path that was opened
   * @param file - the file that SQLite found there: a path may be a link
   */
  constructor(path: string, file: string) {
    this.#path = path
    for (const name of [path, `${file}-wal`, `${file}-shm`]) this.#places.set(name, placeOf(name))
  }

  /** @throws InturnError `store-replaced` */
  check(): void {
    for (const [name, known] of this.#places) {
      const place = placeOf(name)
      if (place === known) continue
      if (known === undefined && name !== this.#path) this.#places.set(name, place)
      else
        throw replaced(
          this.#path,
          place === undefined ? `${name} was deleted` : `${name} is another file now`,
        )
    }
  }
}

/** Where the file lies that a path names; `undefined` where there is none. */
export function placeOf(path: string): Place | undefined {
  try {
    const stats: BigIntStats | undefined = statSync(path, { bigint: true, throwIfNoEntry: false })
    return stats && `${stats.dev}:${stats.ino}`
  } catch (cause) {
    const message = `${path} cannot be looked at: ${errorMessage(cause)}`
    throw new InturnError('store-unavailable', message, { retryable: true, cause })
  }
}

/** What to say of a database that is not the one at its path any more. */
export function replaced(path: string, what: string): InturnError {
  const then = 'nothing more is written; see docs/errors.md'
  return new InturnError(
    'store-replaced',
    `${path} was taken away under the running process: ${what}; ${then}`,
  )
}

// What this process has seen of a log: who it is, and its last place. A server that has lost the log, or
// goes back behind what it told, is found out by it: places that were read would be given to other events,
// and a reader would pass over them. Upholds I3.
import { InturnError } from '../../../core/errors.ts'
import { logVersion } from './open-log.ts'

/** How a reply says which log it is about. */
export interface RepliedLog {
  readonly identity: string
  readonly version: number
}

/** The last place that a reply tells, and what was known of it before the question was sent. */
export interface RepliedLast {
  readonly last: number
  readonly known: number
}

/** What one log object has seen. */
export class LogMemory {
  readonly #name: string
  readonly #onWarning: (message: string) => void
  #identity: string | undefined
  #last = 0

  constructor(name: string, onWarning: (message: string) => void) {
    this.#name = name
    this.#onWarning = onWarning
  }

  /** The last place that was seen; 0: none. */
  get last(): number {
    return this.#last
  }

  /** Forgets everything: whatever is there next is the log. */
  forget(): void {
    this.#identity = undefined
    this.#last = 0
  }

  /** Who the log is. @throws InturnError `store-schema-newer`; `store-corrupt` for another log than before */
  noteLog({ identity, version }: RepliedLog): void {
    if (this.#identity !== undefined && this.#identity !== identity) this.refuse()
    if (version > logVersion) {
      const message = `${this.#name}: a newer inturn made this log; this one reads version ${logVersion}`
      throw new InturnError('store-schema-newer', message)
    }
    this.#identity = identity
  }

  /** Where the log ends. Warns where that is before what was known. */
  noteLast({ last, known }: RepliedLast): void {
    if (last >= known) {
      this.#last = Math.max(this.#last, last)
      return
    }
    if (this.#last <= last) return
    this.#last = last
    this.#onWarning(
      `${this.#name}: the server has gone back behind what it acknowledged: the events at the places ` +
        `${last + 1} to ${known} are lost, and their numbers are given again (docs/stores/redis.md)`,
    )
  }

  /** There is no log. @throws InturnError `store-corrupt` where there was one, else `store-unavailable` */
  noteNone(base: string): never {
    if (this.#identity !== undefined) this.refuse()
    const message = `has no event log yet: nobody has opened one there (it has no key ${base}:log)`
    throw new InturnError('store-unavailable', `${this.#name} ${message}`, { retryable: true })
  }

  /** @throws InturnError `store-corrupt`: the log is not the one that it was */
  refuse(): never {
    const message =
      'this is not the log that it was: the server has lost data, or was given other data. Restore it, or ' +
      'open the log anew (start the process again) to go on with what is there'
    throw new InturnError('store-corrupt', `${this.#name}: ${message} (docs/stores/redis.md)`)
  }
}

// The states of one consumer that this process has seen last, so that a busy stream is not read again for
// every batch. They hold as long as nobody else has begun a unit of work since: the consumer's count of
// units tells.
import type { StreamPath } from '../../core/stream-path.ts'
import type { StreamState } from '../../core/stream-state.ts'
import { RecentMap } from './recent-map.ts'

/** A stream as the cache knows it. */
export interface KnownStream {
  readonly id: number
  readonly state: StreamState
  /** Its row says that it waits for nothing and is due at no time. */
  readonly isQuiet: boolean
}

/** Remembered states of one consumer. */
export class StateCache {
  readonly #streams: RecentMap<StreamPath, KnownStream>
  #units: number | undefined

  constructor(streamsMax: number) {
    this.#streams = new RecentMap(streamsMax)
  }

  /** A unit has begun, or a commit of one: forgets everything if another process began one in between. */
  begin(units: number): void {
    if (units - 1 !== this.#units) this.#streams.clear()
    this.#units = units
  }

  /** What began with this count is undone; the file is back at the count before. */
  undo(units: number): void {
    if (this.#units !== undefined) this.#units = Math.min(this.#units, units - 1)
  }

  find(path: StreamPath): KnownStream | undefined {
    return this.#streams.get(path)
  }

  /** Keeps what is committed. The state belongs to the cache from here on. */
  keep(path: StreamPath, stream: KnownStream): void {
    this.#streams.set(path, stream)
  }

  forget(path: StreamPath): void {
    this.#streams.delete(path)
  }
}

// Where streams were seen last, so that the scripts need not search for them. Only a hint: a script looks
// whether the stream is there, and searches where it is not.
import type { StreamPath } from '../../core/stream-path.ts'

const placesMax = 100_000

/** The last known places of one consumer's streams. */
export class StreamPlaces {
  readonly #places = new Map<StreamPath, string>()

  /** Empty where it is not known. */
  of(path: StreamPath): string {
    return this.#places.get(path) ?? ''
  }

  note(seen: readonly (readonly [path: StreamPath, place: string])[]): void {
    if (this.#places.size + seen.length > placesMax) this.#places.clear()
    for (const [path, place] of seen) this.#places.set(path, place)
  }
}

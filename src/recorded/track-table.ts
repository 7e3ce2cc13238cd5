// A row of numbers for every epoch of every stream, in one array: a stream's usual only epoch is found
// without a map, and all that an event needs of it lies in one line of cache.

/** The columns of a track. */
export const column = {
  stream: 0,
  epoch: 1,
  /** The smallest and the greatest number seen, of events and fills; NaN before the first. */
  low: 2,
  high: 3,
  /** The greatest number of an event. */
  eventHigh: 4,
  /** The arrival of the epoch's first event, counted in its stream; -1 before it. */
  firstArrival: 5,
  /** The earliest arrival of a greater epoch; -1 as long as there is none. */
  jumpedBy: 6,
  /** First copies so far. */
  arrivals: 7,
} as const

const width = 8
const empty = Float64Array.of(0, 0, NaN, NaN, NaN, -1, -1, 0)

/** The epochs of a stream that has more than one, ascending, and their tracks. */
interface EpochIndex {
  readonly epochs: number[]
  readonly tracks: number[]
  /** First copies so far, of all epochs. */
  arrivals: number
}

/** All tracks. A track is known by the place of its row in `cells`. */
export class TrackTable {
  cells: Float64Array = new Float64Array(1024 * width)
  #count = 0
  /** The row of the track that a stream used last, + 1; 0 for a stream that is new. */
  #current = new Uint32Array(1024)
  #streamCount = 0
  readonly #indexes = new Map<number, EpochIndex>()

  /** How many streams there are. */
  get streamCount(): number {
    return this.#streamCount
  }

  /**
   * The track of a stream's epoch, a new one if need be. Streams are numbered without holes; as long as each
   * has one epoch, its track's row has the stream's number.
   */
  trackOf(stream: number, epoch: number): number {
    const current =
      this.#indexes.size === 0 && stream < this.#streamCount ? stream * width : this.#currentOf(stream)
    if (current >= 0 && this.cells[current + column.epoch] === epoch) return current
    return this.#otherTrack(stream, epoch)
  }

  /** The track's own number, counted from 0. */
  rowOf(track: number): number {
    return track / width
  }

  /** A stream's tracks by ascending epoch. */
  tracksOf(stream: number): readonly number[] {
    const index = this.#indexes.get(stream)
    if (index !== undefined) return index.tracks
    const current = this.#currentOf(stream)
    return current < 0 ? [] : [current]
  }

  /** Notes the first event of a track: lower epochs have been jumped over. */
  noteFirstEvent(track: number, arrival: number): void {
    const { cells } = this
    const index = this.#indexes.get(cells[track + column.stream] ?? 0)
    cells[track + column.firstArrival] = arrival
    if (index === undefined) return
    const at = placeOf(index.epochs, cells[track + column.epoch] ?? 0)
    for (let below = at - 1; below >= 0; below--) {
      const cell = (index.tracks[below] ?? 0) + column.jumpedBy
      if ((cells[cell] ?? 0) >= 0) return
      cells[cell] = arrival
    }
  }

  /** How many first copies the track's stream has had. */
  arrivalsOf(track: number): number {
    const { cells } = this
    const index = this.#indexes.size === 0 ? undefined : this.#indexes.get(cells[track + column.stream] ?? 0)
    return index?.arrivals ?? cells[track + column.arrivals] ?? 0
  }

  /** Counts a first copy. */
  countArrival(track: number): void {
    const { cells } = this
    cells[track + column.arrivals] = (cells[track + column.arrivals] ?? 0) + 1
    const index = this.#indexes.size === 0 ? undefined : this.#indexes.get(cells[track + column.stream] ?? 0)
    if (index !== undefined) index.arrivals++
  }

  /** The stream's current track; below 0 if it has none. */
  #currentOf(stream: number): number {
    return ((this.#current[stream] ?? 0) - 1) * width
  }

  #otherTrack(stream: number, epoch: number): number {
    const current = this.#currentOf(stream)
    const index = current < 0 ? undefined : this.#indexOf(stream, current)
    const at = index === undefined ? 0 : placeOf(index.epochs, epoch)
    const known = index?.epochs[at] === epoch ? index.tracks[at] : undefined
    const track = known ?? this.#add(stream, epoch)
    if (known === undefined && index !== undefined) {
      index.epochs.splice(at, 0, epoch)
      index.tracks.splice(at, 0, track)
      this.cells[track + column.jumpedBy] = this.#earliestFrom(index.tracks[at + 1])
    }
    this.#current[stream] = track / width + 1
    return track
  }

  /** The earliest arrival of this epoch or a greater one; -1 if there is none. */
  #earliestFrom(track: number | undefined): number {
    if (track === undefined) return -1
    const first = this.cells[track + column.firstArrival] ?? -1
    const jumped = this.cells[track + column.jumpedBy] ?? -1
    return first < 0 || jumped < 0 ? Math.max(first, jumped) : Math.min(first, jumped)
  }

  #indexOf(stream: number, current: number): EpochIndex {
    const known = this.#indexes.get(stream)
    if (known !== undefined) return known
    const arrivals = this.cells[current + column.arrivals] ?? 0
    const index = { epochs: [this.cells[current + column.epoch] ?? 0], tracks: [current], arrivals }
    this.#indexes.set(stream, index)
    return index
  }

  #add(stream: number, epoch: number): number {
    const track = this.#count++ * width
    if (track >= this.cells.length) {
      const cells = new Float64Array(this.cells.length * 2)
      cells.set(this.cells)
      this.cells = cells
    }
    this.cells.set(empty, track)
    this.cells[track + column.stream] = stream
    this.cells[track + column.epoch] = epoch
    if (stream >= this.#streamCount) this.#streamCount = stream + 1
    if (stream >= this.#current.length) {
      const current = new Uint32Array(stream * 2)
      current.set(this.#current)
      this.#current = current
    }
    return track
  }
}

/** Where the epoch stands, or would stand, among ascending ones. */
function placeOf(epochs: readonly number[], epoch: number): number {
  let low = 0
  let high = epochs.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((epochs[middle] ?? 0) < epoch) low = middle + 1
    else high = middle
  }
  return low
}

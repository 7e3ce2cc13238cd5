// Which stream's head gap is due next, for any number of streams: a binary heap in which each item knows its
// place, so that a clock that changes moves its item instead of leaving a stale one behind. Upholds I7.

/** What waits in the queue. */
export interface DueItem {
  /** When it is due; `undefined`: not at all. Changes are told by `update`. */
  readonly dueMs: number | undefined
  /** Of two that are due at once, the lower order goes first. */
  readonly order: number
  /** Where the queue keeps it; -1 outside. Only the queue writes it. */
  place: number
}

/** Items by due time, then by order. */
export class DueQueue<Item extends DueItem> {
  readonly #heap: Item[] = []

  /** The item that is due first. */
  get first(): Item | undefined {
    return this.#heap[0]
  }

  /** Puts an item where its due time says: in, out, or elsewhere. */
  update(item: Item): void {
    if (item.dueMs === undefined) {
      if (item.place !== -1) this.#remove(item)
      return
    }
    if (item.place === -1) {
      item.place = this.#heap.length
      this.#heap.push(item)
    }
    this.#settle(item)
  }

  #remove(item: Item): void {
    const last = this.#heap.pop()
    if (last !== undefined && last !== item) {
      this.#put(last, item.place)
      this.#settle(last)
    }
    item.place = -1
  }

  #settle(item: Item): void {
    this.#sink(item)
    this.#rise(item)
  }

  #rise(item: Item): void {
    while (item.place > 0) {
      const parent = this.#heap[(item.place - 1) >>> 1]
      if (parent === undefined || !isBefore(item, parent)) return
      this.#swap(item, parent)
    }
  }

  #sink(item: Item): void {
    for (;;) {
      const left = this.#heap[item.place * 2 + 1]
      const right = this.#heap[item.place * 2 + 2]
      const child = right !== undefined && left !== undefined && isBefore(right, left) ? right : left
      if (child === undefined || !isBefore(child, item)) return
      this.#swap(item, child)
    }
  }

  #swap(a: Item, b: Item): void {
    const place = a.place
    this.#put(a, b.place)
    this.#put(b, place)
  }

  #put(item: Item, place: number): void {
    this.#heap[place] = item
    item.place = place
  }
}

function isBefore(a: DueItem, b: DueItem): boolean {
  const [dueA = 0, dueB = 0] = [a.dueMs, b.dueMs]
  return dueA === dueB ? a.order < b.order : dueA < dueB
}

// The entries that a source has given out and that are not settled. As long as they are, the server is told
// so, and no other consumer takes them. Upholds I4 and I7.
import type { ConsumerGroup } from './consumer-group.ts'
import type { Losses } from './losses.ts'

/** Entries in hand, by id. */
export class InHand {
  readonly #max: number
  /** Whether each is pending, as far as is known. */
  readonly #entries = new Map<string, boolean>()

  constructor(max: number) {
    this.#max = max
  }

  /** How many more may be taken in hand. */
  get room(): number {
    return Math.max(0, this.#max - this.#entries.size)
  }

  has(id: string): boolean {
    return this.#entries.has(id)
  }

  add(id: string): void {
    this.#entries.set(id, true)
  }

  remove(id: string): void {
    this.#entries.delete(id)
  }

  clear(): void {
    this.#entries.clear()
  }

  /** Says that they are being worked on, and tells of those that are no longer there. */
  async renew(group: ConsumerGroup, losses: Losses): Promise<void> {
    const pending = [...this.#entries].flatMap(([id, isPending]) => (isPending ? [id] : []))
    const { ended, lost } = await group.renew(pending)
    // What was settled here while this was asked is no longer in hand.
    for (const id of ended) if (this.#entries.has(id)) this.#entries.set(id, false)
    const gone = lost.filter((id) => this.#entries.has(id))
    if (gone.length > 0) losses.inHandGone(gone.length)
  }
}

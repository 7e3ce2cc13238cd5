// The demo's healer: reads the gaps of the consumer's streams, and asks the producer's log for what is
// missing. What it brings goes the same way as everything else, so the rules decide about it too.
import { parseStreamPath } from '../../core/stream-path.ts'
import { eachStream } from '../../operate/paging.ts'
import type { ConsumerView } from '../../operate/paging.ts'
import { eachGap } from '../../operate/read-gaps.ts'
import type { StoredStream } from '../../ports/store-reader.ts'
import type { Broker } from './broker.ts'
import type { EventLog } from './event-log.ts'

/** What a healer works with. */
export interface HealerParts {
  readonly view: ConsumerView
  readonly log: EventLog
  readonly broker: Broker
}

/**
 * How long a gap may stay open before it is healed, and how long an answer may take before it is asked again.
 */
const patienceMs = 400
const askAgainMs = 2_000

/** Brings back what the network dropped. */
export class Healer {
  readonly #parts: HealerParts
  readonly #askedAt = new Map<string, number>()
  /** Bookings that were brought back. */
  healed = 0
  /** Gaps, and held events, at the last look. */
  gaps = 0
  held = 0

  constructor(parts: HealerParts) {
    this.#parts = parts
  }

  /** Heals what has been missing for a while. */
  async heal(): Promise<void> {
    const { view } = this.#parts
    const now = Date.now()
    let gaps = 0
    for await (const gap of eachGap(view, new Map())) {
      gaps++
      if (now - gap.since < patienceMs || gap.from === null) continue
      this.#ask(keyOf(gap.stream), { from: Number(gap.from), to: Number(gap.to) })
    }
    this.gaps = gaps
    this.held = (await view.reader.summary(view.consumer)).held
  }

  /** Heals what nothing came after, so that no gap shows it: the log knows how far each stream goes. */
  async healEnds(): Promise<void> {
    const { view, log } = this.#parts
    const reached = new Map<string, number>()
    for await (const stored of eachStream(view)) reached.set(keyOf(stored.stream), reachOf(stored))
    for (const stream of log.streams) {
      const last = log.lastOf(stream)
      if ((reached.get(stream) ?? 0) < last) this.#ask(stream, { from: last, to: last })
    }
  }

  #ask(stream: string, range: { readonly from: number; readonly to: number }): void {
    const { log, broker } = this.#parts
    const now = Date.now()
    const key = `${stream}/${range.to}`
    if (now - (this.#askedAt.get(key) ?? -Infinity) < askAgainMs) return
    this.#askedAt.set(key, now)
    const bookings = log.read(stream, range.from, range.to)
    this.healed += bookings.length
    broker.push(bookings)
  }
}

function keyOf(path: string): string {
  return parseStreamPath(path)?.stream ?? path
}

/** The highest number that came: held, or accounted for. */
function reachOf({ state }: StoredStream): number {
  return Number(state.held.at(-1)?.to ?? state.position ?? 0)
}

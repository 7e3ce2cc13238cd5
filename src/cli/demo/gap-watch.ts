// Watches the gaps of the demo's worker from outside, and sends again what no gap can show: the last events
// of a stream, which nothing came after.
import { parseStreamPath } from '../../core/stream-path.ts'
import type { ConsumerView } from '../../operate/paging.ts'
import { eachStream } from '../../operate/paging.ts'
import { eachGap } from '../../operate/read-gaps.ts'
import type { StoredStream } from '../../ports/store-reader.ts'
import type { Broker } from './broker.ts'
import type { EventLog } from './event-log.ts'

/** What a watch works with. */
export interface WatchParts {
  readonly view: ConsumerView
  readonly log: EventLog
  readonly broker: Broker
}

/** How long an event that was sent again may take before it is sent once more. */
const sendAgainMs = 2_000

/** Counts gaps, and sends the ends of streams again. */
export class GapWatch {
  readonly #parts: WatchParts
  readonly #sentAt = new Map<string, number>()
  /** Bookings that were sent again. */
  resent = 0
  /** Gaps, and held events, at the last look. */
  gaps = 0
  held = 0

  constructor(parts: WatchParts) {
    this.#parts = parts
  }

  /** Counts what is missing, and what waits for it. */
  async look(): Promise<void> {
    const { view } = this.#parts
    let gaps = 0
    for await (const _ of eachGap(view, new Map())) gaps++
    this.gaps = gaps
    this.held = (await view.reader.summary(view.consumer)).held
  }

  /** Sends the end of each stream again that has not come: the log knows how far each goes. */
  async resendEnds(): Promise<void> {
    const { view, log } = this.#parts
    const reached = new Map<string, number>()
    for await (const stored of eachStream(view)) reached.set(keyOf(stored.stream), reachOf(stored))
    for (const stream of log.streams) {
      const last = log.lastOf(stream)
      if ((reached.get(stream) ?? 0) < last) this.#resend(stream, last)
    }
  }

  #resend(stream: string, last: number): void {
    const { log, broker } = this.#parts
    const now = Date.now()
    if (now - (this.#sentAt.get(stream) ?? -Infinity) < sendAgainMs) return
    this.#sentAt.set(stream, now)
    this.resent++
    broker.push(log.read(stream, last, last))
  }
}

function keyOf(path: string): string {
  return parseStreamPath(path)?.stream ?? path
}

/** The highest number that came: held, or accounted for. */
function reachOf({ state }: StoredStream): number {
  return Number(state.held.at(-1)?.to ?? state.position ?? 0)
}

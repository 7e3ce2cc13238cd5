// The past of a domain's streams, read from a source that still has it: from its beginning, with an empty
// checkpoint, so that nobody else's reading moves. A scan reads ahead, so that the next question needs none.
// Upholds I7: what is kept of a scan has a limit.
import { counterOf } from '../core/counter.ts'
import { InturnError } from '../core/errors.ts'
import type { TrackedEvent } from '../core/event.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import { compareSequences } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { errorMessage } from '../core/thrown.ts'
import type { Checkpoint, Delivery, Source } from '../ports/source.ts'
import type { PastRange, StreamHistory } from '../ports/stream-history.ts'
import type { TrackedDomain } from './domain.ts'
import type { Intaker } from './intake.ts'

/** Events that are kept of one scan: what the questions that follow will ask for. */
const keptMax = 10_000
const readMax = 500
const readWaitMs = 250

/** What was read of one stream. */
interface Scanned {
  readonly stream: StreamPath
  readonly epoch: Epoch
  readonly from: Sequence
  /** There are no other events up to here. */
  readonly to: Sequence
  /** Ascending. */
  readonly events: readonly TrackedEvent[]
}

/** The past of a domain's streams, as a source has it. */
export function sourceHistory(
  source: Source,
  about: { readonly domain: TrackedDomain; readonly intaker: Intaker },
): StreamHistory {
  return new SourceHistory(source, about)
}

class SourceHistory implements StreamHistory {
  readonly name: string
  readonly #source: Source
  readonly #domain: TrackedDomain
  readonly #intaker: Intaker
  #scanned: Scanned | undefined
  /** A source is read by one at a time. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(
    source: Source,
    { domain, intaker }: { readonly domain: TrackedDomain; readonly intaker: Intaker },
  ) {
    this.name = source.name
    this.#source = source
    this.#domain = domain
    this.#intaker = intaker
  }

  read(range: PastRange): Promise<readonly TrackedEvent[]> {
    const own = this.#last.then(() => this.#read(range))
    this.#last = own.catch(() => undefined)
    return own
  }

  async #read(range: PastRange): Promise<readonly TrackedEvent[]> {
    if (counterOf(this.#domain.rules.numbering) !== undefined) {
      throw unavailable(this.name, 'its numbers wrap, and in a source nothing tells their rounds apart')
    }
    const known = this.#scanned
    const scanned = known !== undefined && covers(known, range) ? known : await this.#scan(range)
    this.#scanned = scanned
    return scanned.events
      .filter(({ sequence }) => sequence >= range.from && sequence <= range.to)
      .slice(0, range.limit)
  }

  async #scan({ stream, epoch, from, signal }: PastRange): Promise<Scanned> {
    const kept = new LowestEvents()
    try {
      for await (const delivery of eachDelivery(this.#source, signal)) {
        const intake = this.#intaker.read(delivery)
        if (intake.kind !== 'tracked' || intake.path !== stream || 'fill' in intake.event) continue
        const { sequence } = intake.event
        if (intake.event.epoch !== epoch || sequence === undefined || sequence < from) continue
        kept.add({ ...intake.event, sequence })
      }
    } catch (error) {
      if (signal?.aborted === true) throw error
      throw unavailable(this.name, errorMessage(error), error)
    }
    return { stream, epoch, from, ...kept.end() }
  }
}

/** The lowest events of many, each number once. */
class LowestEvents {
  #events = new Map<Sequence, TrackedEvent>()
  #to: Sequence = Infinity

  add(event: TrackedEvent): void {
    if (event.sequence > this.#to || this.#events.has(event.sequence)) return
    this.#events.set(event.sequence, event)
    if (this.#events.size >= 2 * keptMax) this.#cut()
  }

  end(): Pick<Scanned, 'events' | 'to'> {
    if (this.#events.size > keptMax) this.#cut()
    return { events: this.#sorted(), to: this.#to }
  }

  #cut(): void {
    const lowest = this.#sorted().slice(0, keptMax)
    this.#events = new Map(lowest.map((event) => [event.sequence, event]))
    this.#to = lowest.at(-1)?.sequence ?? this.#to
  }

  #sorted(): readonly TrackedEvent[] {
    return [...this.#events.values()].sort((a, b) => compareSequences(a.sequence, b.sequence))
  }
}

/** Everything that a source has now, from its beginning. */
async function* eachDelivery(source: Source, signal?: AbortSignal): AsyncGenerator<Delivery> {
  const forgetful: Checkpoint = { load: async () => undefined, save: async () => undefined }
  const request = { max: readMax, waitMs: readWaitMs, signal: signal ?? new AbortController().signal }
  await source.open(forgetful)
  try {
    for (let isOver = false; !isOver;) {
      signal?.throwIfAborted()
      const deliveries = await source.read(request)
      yield* deliveries
      await source.settle(deliveries)
      isOver = deliveries.length < readMax && (await source.isCaughtUp())
    }
  } finally {
    await source.close()
  }
}

/** Whether all that is asked for was read, as far as the answer may reach. */
function covers(scanned: Scanned, { stream, epoch, from, to, limit }: PastRange): boolean {
  if (scanned.stream !== stream || scanned.epoch !== epoch || from < scanned.from) return false
  if (to <= scanned.to) return true
  return scanned.events.filter(({ sequence }) => sequence >= from).length >= limit
}

function unavailable(name: string, why: string, cause?: unknown): InturnError {
  return new InturnError('history-unavailable', `${name} cannot be read: ${why}`, { cause })
}

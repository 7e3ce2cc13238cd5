// The balance of a live store. Every stream's position, accounts, held events, ledger and dead letters are
// held against each other, and against the counts that every commit raises. Upholds I3; right while workers
// run, because whatever does not add up is read again, in rest, before it is reported. Upholds I7: each list
// is read page by page, beside the streams, and none for every stream.
import type { StreamPath } from '../core/stream-path.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import type { HeldEvent } from '../ports/records.ts'
import type { StoredInbox, StoredStream } from '../ports/store-reader.ts'
import type { KnownDomains } from './domain-rules.ts'
import { rulesFor } from './domain-rules.ts'
import type { ConsumerView } from './paging.ts'
import { eachHeld, eachStream } from './paging.ts'
import { checkDomains } from './verify/check-domains.ts'
import { checkInboxes } from './verify/check-inboxes.ts'
import { checkStream } from './verify/check-stream.ts'
import type { BalanceCheck, Imbalance } from './verify/imbalance.ts'
import type { RecordSums, SumsPart } from './verify/record-sums.ts'
import { noRecords, readSums } from './verify/record-sums.ts'
import type { HeldPlace, LedgerSums } from './verify/stream-evidence.ts'
import { missingLettersMax, readEvidence } from './verify/stream-evidence.ts'

export type { BalanceCheck, Imbalance }

/** What a verification came to. */
export interface Verification {
  readonly consumer: string
  /** Whether everything adds up. */
  readonly isBalanced: boolean
  readonly streams: number
  /** Deliveries by the stores' own count. */
  readonly deliveries: number
  readonly held: number
  readonly imbalances: readonly Imbalance[]
  /** Streams that looked wrong, and changed all the while they were looked at. Verify them again. */
  readonly unsettled: readonly StreamPath[]
}

/** How far a verification has come. */
export interface VerifyProgress {
  /**
   * `records`: ledger and dead letters. `waiting`: held events and entries of inboxes, for domains' counters.
   */
  readonly what: 'records' | 'streams' | 'waiting'
  readonly count: number
  /** How many there were when it began, where that is known. */
  readonly total?: number
}

/** How a verification is made. */
export interface VerifyOptions {
  /** Is told now and then. */
  readonly onProgress?: (progress: VerifyProgress) => void
  /**
   * Streams with records whose sums are kept at a time, about; where more have some, the records are read as
   * often as it takes. Default 200,000.
   */
  readonly streamsMax?: number
}

/** Verifies a consumer. */
export async function verifyConsumer(
  view: ConsumerView,
  known: KnownDomains,
  options: VerifyOptions = {},
): Promise<Verification> {
  const { onProgress = () => undefined, streamsMax = 200_000 } = options
  const { streams: total, ledger, deadLetters } = await view.reader.summary(view.consumer)
  const counting = (what: VerifyProgress['what'], of?: number): Counter =>
    new Counter((count) => onProgress({ what, count, ...(of !== undefined && { total: of }) }))
  const read = async (behind: StreamPath): Promise<SumsPart> => {
    const records = counting('records', ledger + deadLetters)
    return readSums(view, behind, { streamsMax, onRecord: () => records.add() })
  }
  const held = new HeldInOrder(view)
  const domains = new Set<string>()
  const imbalances: Imbalance[] = []
  const unsettled: StreamPath[] = []
  const inboxes = new Map<StreamPath, StoredInbox>()
  const streams = counting('streams', total)
  let [deliveries, heldCount] = [0, 0]
  let part = await read('')
  for await (const stored of eachStream(view)) {
    const { stream, state } = stored
    while (part.through !== undefined && stream > part.through) {
      imbalances.push(...(await orphans(view, part, held)))
      part = await read(part.through)
    }
    const records = part.sums.get(stream) ?? noRecords
    const found = await verifyStream(view, known, { stored, held: await held.placesOf(stream), records })
    if (found === 'unsettled') unsettled.push(stream)
    else imbalances.push(...found)
    part.sums.delete(stream)
    domains.add(domainOf(stream))
    if (stored.inbox !== undefined) inboxes.set(stream, stored.inbox)
    streams.add()
    deliveries += stored.deliveries
    heldCount += state.held.reduce((sum, span) => (span.kind === 'events' ? sum + span.count : sum), 0)
  }
  for (; part.through !== undefined; part = await read(part.through)) {
    imbalances.push(...(await orphans(view, part, held)))
  }
  await held.placesOf(undefined)
  imbalances.push(...(await orphans(view, part, held)))
  const waiting = counting('waiting')
  imbalances.push(...(await checkDomains(view, domains, () => waiting.add())))
  imbalances.push(...(await checkInboxes(view, inboxes)))
  return {
    consumer: view.consumer,
    isBalanced: imbalances.length === 0,
    streams: streams.count,
    deliveries,
    held: heldCount,
    imbalances,
    unsettled,
  }
}

/** Counts, and tells now and then. */
class Counter {
  count = 0
  readonly #tell: (count: number) => void

  constructor(tell: (count: number) => void) {
    this.#tell = tell
  }

  add(): void {
    if (++this.count % 500 === 0) this.#tell(this.count)
  }
}

/** The places of held events, of streams that are asked for in their order. */
class HeldInOrder {
  readonly #events: AsyncIterator<HeldEvent>
  #next: HeldEvent | undefined
  #isOver = false
  /** Streams that have held events and were not asked for. */
  readonly strangers: Set<StreamPath> = new Set()

  constructor(view: ConsumerView) {
    this.#events = eachHeld(view)[Symbol.asyncIterator]()
  }

  /** The places of a stream; `undefined`: all the rest are strangers. */
  async placesOf(stream: StreamPath | undefined): Promise<readonly HeldPlace[]> {
    const places: HeldPlace[] = []
    for (let next = await this.#peek(); next !== undefined; next = await this.#peek()) {
      if (stream !== undefined && next.stream > stream) break
      const { epoch, sequence } = next.event
      if (next.stream === stream) places.push({ epoch, sequence })
      else this.strangers.add(next.stream)
      this.#next = undefined
    }
    return places
  }

  async #peek(): Promise<HeldEvent | undefined> {
    if (this.#next !== undefined || this.#isOver) return this.#next
    const read = await this.#events.next()
    if (read.done === true) this.#isOver = true
    else this.#next = read.value
    return this.#next
  }
}

/** What does not add up in a stream, seen twice in rest. */
async function verifyStream(
  view: ConsumerView,
  known: KnownDomains,
  about: {
    readonly stored: StoredStream
    readonly held: readonly HeldPlace[]
    readonly records: RecordSums
  },
): Promise<readonly Imbalance[] | 'unsettled'> {
  const { stored, held, records } = about
  const { stream } = stored
  const missingLetters = missingLettersMax(records.ledger, records.letters)
  const seen = checkStream(stored, rulesOf(known, stored), { held, ...records, missingLetters })
  if (seen.length === 0) return []
  let found: readonly Imbalance[] = []
  for (let reading = 0; reading < 2; reading++) {
    const read = await readEvidence(view, stream)
    if (read === undefined) {
      return (await view.reader.stream(view.consumer, stream)) === undefined ? [] : 'unsettled'
    }
    found = checkStream(read.stored, rulesOf(known, read.stored), read.evidence)
    if (found.length === 0) return []
  }
  return found
}

function rulesOf(known: KnownDomains, { stream, state }: StoredStream): ReturnType<typeof rulesFor>['rules'] {
  return rulesFor(known, domainOf(stream), state).rules
}

function domainOf(stream: StreamPath): string {
  return parseStreamPath(stream)?.domain ?? ''
}

/** Held events and accounts of streams that the store does not know. */
async function orphans(
  view: ConsumerView,
  { sums }: SumsPart,
  { strangers }: HeldInOrder,
): Promise<readonly Imbalance[]> {
  const { reader, consumer } = view
  const found: Imbalance[] = []
  const recorded = [...sums].filter(([, { ledger }]) => hasAccounts(ledger))
  for (const stream of new Set([...strangers, ...recorded.map(([path]) => path)])) {
    if ((await reader.stream(consumer, stream)) !== undefined) continue
    const held = await reader.held(consumer, { stream, limit: 1 })
    const { ledger } = sums.get(stream) ?? noRecords
    if (held.length === 0 && !hasAccounts(ledger)) continue
    const detail = 'records of a stream that the store does not know'
    found.push({ check: 'orphan', stream, expected: 'a stream', found: 'none', detail })
  }
  strangers.clear()
  return found
}

function hasAccounts({ lost, filled, removed, recalled, imported }: LedgerSums): boolean {
  return lost + filled + removed + recalled + imported > 0
}

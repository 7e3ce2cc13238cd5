// The balance of a live store. Every stream's position, accounts, held events, ledger and dead letters are
// held against each other, and against the counts that every commit raises. Upholds I3; right while workers
// run, because whatever does not add up is read again, in rest, before it is reported.
import type { StreamPath } from '../core/stream-path.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import type { StoredStream } from '../ports/store-reader.ts'
import type { KnownDomains } from './domain-rules.ts'
import { rulesFor } from './domain-rules.ts'
import type { ConsumerView } from './paging.ts'
import { eachDeadLetter, eachHeld, eachLedgerEntry, eachStream } from './paging.ts'
import { checkDomains } from './verify/check-domains.ts'
import { checkStream } from './verify/check-stream.ts'
import type { BalanceCheck, Imbalance } from './verify/imbalance.ts'
import type { LedgerSums, LetterSums } from './verify/stream-evidence.ts'
import {
  addEntry,
  addLetter,
  missingLettersMax,
  noLedger,
  noLetters,
  readEvidence,
} from './verify/stream-evidence.ts'

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

/** Verifies a consumer. */
export async function verifyConsumer(
  view: ConsumerView,
  known: KnownDomains,
  onProgress: (streams: number) => void = () => undefined,
): Promise<Verification> {
  const sums = await readSums(view)
  const imbalances: Imbalance[] = []
  const unsettled: StreamPath[] = []
  const domains = new Set<string>()
  let [streams, deliveries, held] = [0, 0, 0]
  for await (const stored of eachStream(view)) {
    const found = await verifyStream(view, known, { stored, sums })
    if (found === 'unsettled') unsettled.push(stored.stream)
    else imbalances.push(...found)
    sums.held.delete(stored.stream)
    sums.letters.delete(stored.stream)
    sums.ledger.delete(stored.stream)
    domains.add(domainOf(stored.stream))
    streams++
    deliveries += stored.deliveries
    held += stored.state.held.reduce((sum, span) => (span.kind === 'events' ? sum + span.count : sum), 0)
    if (streams % progressEvery === 0) onProgress(streams)
  }
  imbalances.push(...(await orphans(view, sums)), ...(await checkDomains(view, domains)))
  const isBalanced = imbalances.length === 0
  return { consumer: view.consumer, isBalanced, streams, deliveries, held, imbalances, unsettled }
}

const progressEvery = 500

/** Sums over the lists of a consumer, by stream: one pass each instead of a read for every stream. */
interface Sums {
  readonly held: Map<StreamPath, number>
  readonly ledger: Map<StreamPath, LedgerSums>
  readonly letters: Map<StreamPath, LetterSums>
}

async function readSums(view: ConsumerView): Promise<Sums> {
  const sums: Sums = { held: new Map(), ledger: new Map(), letters: new Map() }
  for await (const { stream } of eachHeld(view)) sums.held.set(stream, (sums.held.get(stream) ?? 0) + 1)
  for await (const entry of eachLedgerEntry(view)) {
    if (entry.stream === undefined) continue
    sums.ledger.set(entry.stream, addEntry(sums.ledger.get(entry.stream) ?? noLedger, entry))
  }
  for await (const letter of eachDeadLetter(view)) {
    if (letter.stream === undefined) continue
    sums.letters.set(letter.stream, addLetter(sums.letters.get(letter.stream) ?? noLetters, letter))
  }
  return sums
}

/** What does not add up in a stream, seen twice in rest. */
async function verifyStream(
  view: ConsumerView,
  known: KnownDomains,
  about: { readonly stored: StoredStream; readonly sums: Sums },
): Promise<readonly Imbalance[] | 'unsettled'> {
  const { stored, sums } = about
  const { stream } = stored
  if (!hasHeld(stored) && !sums.held.has(stream)) {
    const ledger = sums.ledger.get(stream) ?? noLedger
    const letters = sums.letters.get(stream) ?? noLetters
    const evidence = { held: [], ledger, letters, missingLetters: missingLettersMax(ledger, letters) }
    if (checkStream(stored, rulesOf(known, stored), evidence).length === 0) return []
  }
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

function hasHeld({ state }: StoredStream): boolean {
  return state.heldCount > 0 || state.held.length > 0
}

function rulesOf(known: KnownDomains, { stream, state }: StoredStream): ReturnType<typeof rulesFor>['rules'] {
  return rulesFor(known, domainOf(stream), state).rules
}

function domainOf(stream: StreamPath): string {
  return parseStreamPath(stream)?.domain ?? ''
}

/** Held events, dead letters to be taken back, and accounts of streams that the store does not know. */
async function orphans(view: ConsumerView, sums: Sums): Promise<readonly Imbalance[]> {
  const overflowed = [...sums.letters].filter(([, letters]) => letters.overflow > 0).map(([path]) => path)
  const accounted = new Set(
    [...sums.ledger].filter(([, ledger]) => hasAccounts(ledger)).map(([path]) => path),
  )
  const found: Imbalance[] = []
  for (const stream of new Set([...sums.held.keys(), ...overflowed, ...accounted])) {
    if ((await view.reader.stream(view.consumer, stream)) !== undefined) continue
    const held = await view.reader.held(view.consumer, { stream, limit: 1 })
    const letters = await view.reader.deadLetters(view.consumer, { stream, reason: 'overflow', limit: 1 })
    if (held.length + letters.length === 0 && !accounted.has(stream)) continue
    const detail = 'records of a stream that the store does not know'
    found.push({ check: 'orphan', stream, expected: 'a stream', found: 'none', detail })
  }
  return found
}

function hasAccounts({ lost, filled, removed, recalled, imported }: LedgerSums): boolean {
  return lost + filled + removed + recalled + imported > 0
}

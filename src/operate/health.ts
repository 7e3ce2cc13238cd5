// How the streams of a consumer are: which are stuck, which fail, which are slow and which wait, the worst
// first. Upholds I7: the list has a limit and tells what lies beyond it.
import { sequenceText } from '../core/counter.ts'
import type { StreamRules } from '../core/rules.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import type { Failing, Halt, RestartSigns, StreamState } from '../core/stream-state.ts'
import type { EffectPartial } from '../ports/commit-commands.ts'
import { partialText } from '../ports/commit-commands.ts'
import type { LiveClaim, StoredStream } from '../ports/store-reader.ts'
import { isUnderWay } from './attempt-words.ts'
import type { KnownDomains } from './domain-rules.ts'
import { rulesFor } from './domain-rules.ts'
import type { ConsumerView } from './paging.ts'
import { eachInboxEntry, eachStream } from './paging.ts'
import type { StreamGap } from './read-gaps.ts'
import { streamGaps } from './read-gaps.ts'
import { evidenceText } from './restart-words.ts'
import { rangeText, shownRange } from './shown-number.ts'
import { TimedQuestion } from './timed-question.ts'

/**
 * `stuck`: it does not go on by itself, or should have. `failing`: its next event failed and is tried again.
 * `restarted`: its producer may count again, and what it makes is taken for duplicates. `slow`: a worker
 * has had it for long, or events for it pile up. `waiting`: for a number that may still come, or for its
 * domain to go on.
 */
export type HealthKind = 'stuck' | 'failing' | 'restarted' | 'slow' | 'waiting'

/** A stream that is not as it should be. */
export interface HealthItem {
  readonly kind: HealthKind
  readonly stream: StreamPath
  /** In milliseconds since 1970, by the store's clock. */
  readonly since: number
  readonly ageMs: number
  /** Attempts that failed: at its next event, or to heal its gap. */
  readonly attempts?: number
  /** When the next attempt is due, in milliseconds since 1970. */
  readonly nextAt?: number
  /** What is the matter, in words. */
  readonly detail: string
}

/** The health of a consumer. */
export interface Health {
  /** The worst first, the longest of a kind before the others; at most as many as were asked for. */
  readonly items: readonly HealthItem[]
  /** How many there are in all. */
  readonly total: number
  readonly counts: Readonly<Record<HealthKind, number>>
  /** How long the oldest of each kind has been so, in milliseconds; 0 where there is none. */
  readonly oldestMs: Readonly<Record<HealthKind, number>>
  /** Open gaps of all streams. */
  readonly gaps: number
}

/** What counts as healthy. */
export interface HealthOptions {
  /** Items to be listed. Default 100. */
  readonly limit?: number
  /** How long a worker may have a stream, in milliseconds. Default 30 s. */
  readonly slowMs?: number
  /** Events in the inbox of one stream from which on they pile up. Default 100. */
  readonly handedOverMin?: number
}

/** Entries of inboxes that are looked at: the oldest. */
const readMax = 50_000

const ranks: Readonly<Record<HealthKind, number>> = {
  stuck: 0,
  failing: 1,
  restarted: 2,
  slow: 3,
  waiting: 4,
}

/** Claims that are looked at: whoever has more streams in hand for long has other troubles. */
const claimsMax = 10_000

/**
 * The streams that are not as they should be. Without a configuration no patience is known: then a gap waits.
 *
 * @example
 * const { items } = await readHealth({ reader: store.reader, consumer: 'billing' }, new Map())
 */
export async function readHealth(
  view: ConsumerView,
  known: KnownDomains,
  options: HealthOptions = {},
): Promise<Health> {
  const { limit = 100, slowMs = 30_000, handedOverMin = 100 } = options
  const { clock, domains, handedOver } = await view.reader.summary(view.consumer)
  const list = new WorstFirst(limit, clock.now)
  for await (const stored of eachStream(view, { onlyWaiting: true })) {
    const domain = parseStreamPath(stored.stream)?.domain ?? ''
    const isPaused = domains.get(domain)?.paused === true
    const { rules } = rulesFor(known, domain, stored.state)
    const gaps = streamGaps(stored, known, clock)
    list.gaps += gaps.length
    const item = itemOf(stored, gaps, { rules, isPaused, now: clock.now })
    if (item !== undefined) list.add(stored.stream, item)
  }
  for (const claim of await view.reader.claims(view.consumer, { limit: claimsMax })) {
    if (clock.now - claim.since >= slowMs) list.add(claim.stream, slowItem(claim))
  }
  if (handedOver > 0) {
    for (const [stream, count] of await handedOverCounts(view)) {
      if (count < handedOverMin) continue
      const { changedAt = clock.now } = (await view.reader.stream(view.consumer, stream)) ?? {}
      list.add(stream, {
        kind: 'slow',
        since: changedAt,
        detail: `${count} events wait in its inbox`,
      })
    }
  }
  return list.health()
}

/** What there is to know beside a stream. */
interface HealthSetting {
  readonly rules: StreamRules
  readonly isPaused: boolean
  readonly now: number
}

type Found = Omit<HealthItem, 'stream' | 'ageMs'>

/** What is the matter with a stream that waits for something; nothing where its next turn takes it on. */
function itemOf(
  stored: StoredStream,
  gaps: readonly StreamGap[],
  { rules, isPaused, now }: HealthSetting,
): Found | undefined {
  const { state, partial, changedAt } = stored
  const { halt, failing } = state
  const head = gaps.find((gap) => gap.isHead)
  if (halt !== undefined) return haltedItem(halt, state)
  if (partial !== undefined) return { kind: 'stuck', since: changedAt, detail: partialDetail(partial, rules) }
  const found =
    failing === undefined ? standingItem(state, head, rules) : failingItem(failing, stored, { rules, now })
  if (!isPaused) return found
  if (found !== undefined) return { ...found, detail: `${found.detail}; its domain is paused` }
  const since = state.held[0]?.clock.now
  if (since === undefined) return undefined
  return { kind: 'waiting', since, detail: `its domain is paused; ${heldWords(state.heldCount)}` }
}

/** What is the matter with a stream that neither failed nor is halted. */
function standingItem(
  { restart }: StreamState,
  head: StreamGap | undefined,
  rules: StreamRules,
): Found | undefined {
  const gap = head === undefined ? undefined : gapItem(head)
  return restart === undefined || gap?.kind === 'stuck' ? gap : restartedItem(restart, rules)
}

function restartedItem(restart: RestartSigns, rules: StreamRules): Found {
  const { firstAt, from, to, settled } = restart
  const numbers = `${from === to ? 'number' : 'numbers'} ${rangeText(shownRange(rules, { from, to }))}`
  const detail = `its producer may have started again: ${numbers} came once more, ${evidenceText(restart)}`
  return { kind: 'restarted', since: firstAt, detail: `${detail}; ${settled} settled as duplicates` }
}

function haltedItem({ at, cause, reason, by }: Halt, { failing }: StreamState): Found {
  const who = by === undefined ? '' : ` by ${by}`
  return {
    kind: 'stuck',
    since: failing?.firstAt ?? at,
    ...(failing !== undefined && { attempts: failing.attempts }),
    detail: `halted${who} (${cause}): ${reason}`,
  }
}

function partialDetail(partial: EffectPartial, { numbering }: StreamRules): string {
  const where = `event ${sequenceText(numbering, partial.sequence)}: ${partialText(partial)}`
  return `${where}; the next worker that gets it stops there`
}

function failingItem(
  failing: Failing,
  { claimedBy }: StoredStream,
  { rules, now }: Omit<HealthSetting, 'isPaused'>,
): Found {
  const { firstAt, attempts, retryAt, error, sequence, runningBy } = failing
  const isNow = isUnderWay({ failing, now, ...(claimedBy !== undefined && { claimedBy }) })
  const what = isNow ? `an attempt is made now, in quarantine, by ${runningBy}` : error
  return {
    kind: 'failing',
    since: firstAt,
    attempts,
    ...(retryAt !== undefined && { nextAt: retryAt }),
    detail: `event ${sequenceText(rules.numbering, sequence)}: ${what}`,
  }
}

function gapItem(gap: StreamGap): Found {
  const { from, to, since, held, healing, policy } = gap
  const isHealed = healing?.attemptsMax !== undefined && healing.nextAt === undefined
  const isOverdue = policy?.isOverdue === true
  const numbers = `${from === to ? 'number' : 'numbers'} ${rangeText(gap)}`
  const why = isHealed ? ', and no healer had them' : isOverdue ? ', and patience is over' : ''
  return {
    kind: isHealed || isOverdue ? 'stuck' : 'waiting',
    since,
    ...(healing !== undefined && { attempts: healing.attempts }),
    ...(healing?.nextAt !== undefined && { nextAt: healing.nextAt }),
    detail: `${numbers} did not come${why}; ${heldWords(held)}`,
  }
}

function heldWords(held: number): string {
  return held === 1 ? '1 event is held' : `${held} events are held`
}

function slowItem({ worker, since }: LiveClaim): Found {
  return { kind: 'slow', since, detail: `worker ${worker} has it` }
}

async function handedOverCounts(view: ConsumerView): Promise<ReadonlyMap<StreamPath, number>> {
  const counts = new Map<StreamPath, number>()
  let read = 0
  for await (const { stream } of eachInboxEntry(view)) {
    counts.set(stream, (counts.get(stream) ?? 0) + 1)
    if (++read === readMax) break
  }
  return counts
}

const noneOfAKind = { stuck: 0, failing: 0, restarted: 0, slow: 0, waiting: 0 }

/** Keeps the worst items of any number. */
class WorstFirst {
  readonly #limit: number
  readonly #now: number
  readonly #counts: Record<HealthKind, number> = { ...noneOfAKind }
  readonly #oldestMs: Record<HealthKind, number> = { ...noneOfAKind }
  gaps = 0
  #items: HealthItem[] = []

  constructor(limit: number, now: number) {
    this.#limit = limit
    this.#now = now
  }

  add(stream: StreamPath, found: Found): void {
    const { kind, since } = found
    const ageMs = Math.max(0, this.#now - since)
    this.#counts[kind]++
    this.#oldestMs[kind] = Math.max(this.#oldestMs[kind], ageMs)
    this.#items.push({ stream, ...found, ageMs })
    if (this.#items.length >= 2 * this.#limit + 1_000) this.#trim()
  }

  health(): Health {
    this.#trim()
    const [counts, oldestMs] = [{ ...this.#counts }, { ...this.#oldestMs }]
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
    return { items: this.#items, total, counts, oldestMs, gaps: this.gaps }
  }

  #trim(): void {
    this.#items.sort(worstFirst)
    this.#items = this.#items.slice(0, this.#limit)
  }
}

function worstFirst(a: HealthItem, b: HealthItem): number {
  return ranks[a.kind] - ranks[b.kind] || a.since - b.since || (a.stream < b.stream ? -1 : 1)
}

/** A count that takes no longer than this costs little whenever it is asked for. */
const shortMs = 100

/**
 * The health of a consumer for whoever asks for it again and again, a scrape or a probe: a count that takes
 * long is shown as it was last until it has ended, and made again only after twenty times as long as it
 * took, so that watching takes a twentieth at most.
 */
export class HealthCount {
  readonly #count: TimedQuestion<void>
  #last: Health | undefined
  #nextMs = 0

  constructor(view: ConsumerView, known: KnownDomains, options?: HealthOptions) {
    this.#count = new TimedQuestion(async () => {
      const beganMs = performance.now()
      this.#last = await readHealth(view, known, options)
      const tookMs = performance.now() - beganMs
      this.#nextMs = tookMs > shortMs ? beganMs + 21 * tookMs : 0
    })
  }

  /** `undefined`: no count has ended yet. Rejects as the count does. */
  async last(): Promise<Health | undefined> {
    if (performance.now() >= this.#nextMs) await this.#count.answer()
    return this.#last
  }
}

// Carries an operator's wish out on one stream: under its claim, decided by the rules against what the stream
// is at that moment, and committed together with the ledger entry that says who did it, why, and how the
// stream stood before. No handler runs; the stream is due at once, and a worker goes on with it. Upholds I3
// and I5.
import { InturnError, invariant } from '../core/errors.ts'
import type { HeldIndex } from '../core/held-index.ts'
import type { ActionRange, Granted, Operated } from '../core/operating/operated.ts'
import { Outcome } from '../core/outcome.ts'
import type { StreamRules } from '../core/rules.ts'
import { hasPassed } from '../core/sequence.ts'
import type { Position } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import type { Clock, StreamState } from '../core/stream-state.ts'
import { HeldCache } from '../ports/held-cache.ts'
import type { InboxOwner } from '../ports/inbox-pages.ts'
import { lowestPages } from '../ports/inbox-pages.ts'
import type { OutcomeRecords } from '../ports/outcome-records.ts'
import { outcomeRecords } from '../ports/outcome-records.ts'
import type { DeadLetter, HeldEvent, LedgerEntry } from '../ports/records.ts'
import type { StreamChange, UnitOfWork } from '../ports/store.ts'
import { isEvent, placeOnWire, wonStream } from '../ports/store.ts'
import { rulesFor } from './domain-rules.ts'
import type { Operator, OperatorOptions, OperatorTarget } from './operator-options.ts'
import { checkExpected, checkOperator } from './operator-options.ts'
import type { TellingParts } from './telling-parts.ts'
import { tellingParts } from './telling-parts.ts'
import { claimLost, withClaim } from './with-claim.ts'

/** How many entries of an inbox are looked at. */
const undecidedMax = 1_000

/** What an operator can do to one stream. */
export type OperatorCommand = 'retry' | 'skip' | 'fill' | 'halt' | 'resume' | 'seek'

/** Which stream, by whom, and why. */
export interface StreamRequest extends OperatorOptions {
  readonly stream: StreamPath
}

/** What an action on a stream came to. */
export interface StreamOperation {
  readonly command: OperatorCommand
  readonly consumer: string
  readonly stream: StreamPath
  readonly by: string
  readonly reason: string
  /** Milliseconds since 1970, by the store's clock. */
  readonly at: number
  /** What was done, in words. */
  readonly done: string
  readonly before: TellingParts
  readonly after: TellingParts
  readonly ledger: readonly LedgerEntry[]
  readonly deadLetters: readonly DeadLetter[]
}

/** A stream whose claim the operator has. */
export interface ClaimedStream {
  readonly stream: StreamPath
  readonly domain: string
  readonly state: StreamState
  readonly rules: StreamRules
  /** Whether the rules are the domain's own, and not read off the state. */
  readonly isConfigured: boolean
  readonly clock: Clock
  readonly operator: Operator
  /** Where the events of the inbox belong; the lowest of them, if asked for. */
  readonly undecided: readonly Position[]
  /** Asked during a decision, which is made again once what it asked for was read. */
  readonly held: HeldIndex
}

/** What a wish comes to, as a pure function of the stream. */
export interface WishOutcome {
  readonly operated: Operated
  /** What the action's own ledger entry is about, where the rules do not say it. */
  readonly range?: ActionRange
  /** Events to hold. */
  readonly hold?: readonly HeldEvent[]
  /** Ledger entries besides those of the outcome. */
  readonly ledger?: readonly Pick<LedgerEntry, 'kind' | 'epoch' | 'from' | 'to'>[]
}

/** What an operator wishes. */
export interface Wish {
  readonly command: OperatorCommand
  /** The kind of the action's own ledger entry. */
  readonly kind: LedgerEntry['kind']
  /** Whether it matters which events of the stream are kept and not decided yet. */
  readonly asksUndecided?: boolean
  /** Pure, and called again when more is known of held events. */
  decide(about: ClaimedStream): WishOutcome
}

/**
 * Carries a wish out.
 *
 * @throws InturnError `operation-refused` when it makes no sense, `position-moved` when the stream stands
 *   elsewhere than expected, `stream-busy` when a worker has it all the while, `usage` without name or reason
 */
export async function changeStream(
  target: OperatorTarget,
  request: StreamRequest,
  wish: Wish,
): Promise<StreamOperation> {
  checkOperator(request)
  const { store, consumer } = target
  const { stream } = request
  if ((await store.reader.stream(consumer, stream)) === undefined) {
    throw new InturnError('operation-refused', `consumer ${consumer} knows no stream ${stream}`)
  }
  return withClaim(target, request, (unit) => changeClaimed(target, { unit, request, wish }))
}

/**
 * Refuses where a wish needs the domain's own rules and only what the state looks like is known.
 *
 * @throws InturnError `usage`
 */
export function needConfiguration(about: ClaimedStream, what: string): void {
  if (about.isConfigured) return
  throw new InturnError(
    'usage',
    `${what} needs the rules of the domain ${about.domain}: name the configuration with --config`,
  )
}

async function changeClaimed(
  { consumer, domains }: OperatorTarget,
  work: { readonly unit: UnitOfWork; readonly request: StreamRequest; readonly wish: Wish },
): Promise<StreamOperation | typeof claimLost> {
  const { unit, request, wish } = work
  const { stream, by, reason } = request
  const { state } = wonStream(unit, stream)
  const domain = parseStreamPath(stream)?.domain ?? ''
  const { rules, isConfigured } = rulesFor(domains, domain, state)
  checkExpected(request, { state, rules })
  const operator = { by, reason }
  const undecided = wish.asksUndecided === true ? await undecidedOf(unit, { stream, rules, state }) : []
  const claimed = { stream, domain, state, rules, isConfigured, clock: unit.clock, operator, undecided }
  const { outcome, granted, records } = await decideKnowing(unit, claimed, wish)
  const at = unit.clock.now
  const entries = (outcome.ledger ?? []).map((entry): LedgerEntry => ({ ...entry, stream, at, by, reason }))
  const before = tellingParts(state, rules)
  const own: LedgerEntry = {
    kind: wish.kind,
    stream,
    ...(outcome.range ?? granted.range),
    at,
    by,
    reason,
    before,
  }
  const partial = unit.commands?.partials.get(stream)
  const change: StreamChange = {
    stream,
    state: granted.state,
    hold: outcome.hold ?? [],
    release: records.release,
    decided: [],
    deliveries: 0,
    deadLetters: records.deadLetters,
    redriven: [],
    ledger: [...records.ledger, ...entries, own],
    due: { at: 0 },
    ...(partial !== undefined && hasPassed(granted.state, partial) && { settlesPartial: true }),
  }
  const [committed] = await unit.commit({ streams: [change] })
  if (committed !== 'committed') return claimLost
  const { deadLetters, ledger } = change
  const after = tellingParts(granted.state, rules)
  const { command } = wish
  const { done } = granted
  return { command, consumer, stream, by, reason, at, done, before, after, ledger, deadLetters }
}

/**
 * Where the events of an inbox belong: as on the wire. Where a producer has counted again they may be of any
 * of its runs.
 */
async function undecidedOf(unit: UnitOfWork, owner: Omit<InboxOwner, 'size'>): Promise<readonly Position[]> {
  const { stream, state } = owner
  const size = unit.streams.get(stream)?.inbox?.arrivals ?? 0
  if (size === 0) return []
  const { runs } = state
  const entries = await unit.inbox(lowestPages({ ...owner, size }, undecidedMax))
  return entries.slice(0, undecidedMax).flatMap(({ arrival }) => {
    if (!isEvent(arrival)) return []
    const { epoch, sequence } = placeOnWire(arrival)
    const own = runs.filter((run) => run.wireEpoch === epoch).map((run) => run.epoch)
    return [epoch, ...own].map((one) => ({ epoch: one, sequence }))
  })
}

const nothing = new Outcome()

/** Decides a wish, as often as it asks for held events that were not read yet. */
async function decideKnowing(
  unit: UnitOfWork,
  claimed: Omit<ClaimedStream, 'held'>,
  wish: Wish,
): Promise<{ readonly outcome: WishOutcome; readonly granted: Granted; readonly records: OutcomeRecords }> {
  const { stream, state, operator, clock } = claimed
  const held = new HeldCache(stream, state.heldCount === 0)
  const owner = { stream, arrivals: [], held, at: clock.now, by: operator.by }
  for (;;) {
    const outcome = wish.decide({ ...claimed, held })
    const { operated } = outcome
    const { outcome: ruled = nothing } = operated.kind === 'granted' ? operated : {}
    invariant(ruled.deliveries.length === 0, "an operator's action delivers nothing")
    const records = outcomeRecords(ruled, owner)
    const missing = held.takeMissing()
    if (missing.length === 0) {
      if (operated.kind === 'granted') return { outcome, granted: operated, records }
      throw new InturnError('operation-refused', `${stream}: ${operated.why}; nothing was changed`)
    }
    held.noteRead(missing)
    for (const event of await unit.held(missing)) held.add(event)
  }
}

// Plans the turns of a unit of work: reads inboxes, asks for baselines, and decides all streams with one read
// of held events for the whole batch.
import type { StreamPath } from '../core/stream-path.ts'
import type { StreamState } from '../core/stream-state.ts'
import type { UnitOfWork } from '../ports/store.ts'
import { startedState } from './baseline.ts'
import type { Decision } from './decide-fully.ts'
import { learnAll } from './decide-fully.ts'
import { isClockDue } from './decide-turn.ts'
import type { EngineParts } from './engine-parts.ts'
import type { HealNote } from './healing/heal-note.ts'
import type { StreamVisit } from './lanes.ts'
import { stopAtPartial } from './partial-effects.ts'
import { asRun, begunBy, inQuarantine } from './quarantine.ts'
import type { InboxReader, TurnInbox, WaitingInbox } from './turn-inbox.ts'
import { chooseEntries, noInbox, readInboxes } from './turn-inbox.ts'
import type { TurnArrival } from './turn-outcome.ts'
import type { Runner } from './turn.ts'
import { Turn } from './turn.ts'
import { asBehind } from './wire-clues.ts'

/** A planned turn of a visit. */
export interface PlannedTurn {
  readonly turn: Turn
  readonly visit: StreamVisit
  /** It has the arrivals of the visit; those that follow it have none. */
  readonly isFirst: boolean
  /** How many of its arrivals were kept before those of the visit. */
  readonly earlier: number
}

/** What the turns of a unit are planned for. */
export interface PlanScope {
  readonly visits: readonly StreamVisit[]
  readonly runner: Runner
  /** Collects the streams with dead letters that an operator has tried again. */
  readonly redrives: Set<StreamPath>
  /** Whether events were fetched, and are not decided in this visit, that may lie in a gap of the stream. */
  readonly keepsGaps: (visit: StreamVisit) => boolean
  /** Whether what arrives comes behind refused events of which only the order tells what they are. */
  readonly isBehind: (visit: StreamVisit) => boolean
  /** Streams that an earlier unit of the same call has won from a dead worker, and not committed. */
  readonly takenOver?: ReadonlySet<StreamPath>
  /** Streams of which an earlier unit of the same call has decided what arrived. */
  readonly decided?: ReadonlySet<StreamPath>
}

/** The turns of the streams that were won, decided. */
export async function planTurns(
  parts: EngineParts,
  unit: UnitOfWork,
  scope: PlanScope,
): Promise<readonly PlannedTurn[]> {
  const { visits, runner, takenOver, decided } = scope
  const readers = readersOf(unit, visits)
  const inboxes = readers.length === 0 ? none : await readInboxes(parts, unit, readers)
  const planned: PlannedTurn[] = []
  for (const visit of visits) {
    const { path } = visit
    const won = unit.streams.get(path)
    if (won === undefined) continue
    const isTakenOver = won.isTakenOver || takenOver?.has(path) === true
    const state = isTakenOver ? inQuarantine(won.state, parts.batchMax) : won.state
    const isSweep =
      visit.isSweep || (state.heldCount > 0 && isClockDue(visit.domain.rules, state, unit.clock))
    const keepsGaps = isSweep && scope.keepsGaps(visit)
    const heal = visit.heal?.(visit, state, unit.clock)
    if ((won.inbox?.redrives ?? 0) > 0) scope.redrives.add(path)
    const isFirst = decided?.has(path) !== true
    const came = isFirst ? visit.arrivals : []
    const arrivals = scope.isBehind(visit) ? came.map(asBehind) : came
    const inbox = inboxes.get(path)
    const newest = won.inbox?.newest
    const plan = { visit, arrivals, state, inbox, newest, isSweep, keepsGaps, runner, heal }
    const next = planTurn(parts, unit, plan)
    const first = next instanceof Promise ? await next : next
    planned.push(isFirst ? first : { ...first, isFirst })
  }
  await decideEach(parts, unit, planned)
  return planned
}

/** The turns that follow where a held event, or an entry of the inbox, may be in turn now; decided. */
export async function followingTurns(
  parts: EngineParts,
  unit: UnitOfWork,
  turns: readonly PlannedTurn[],
): Promise<readonly PlannedTurn[]> {
  const following: PlannedTurn[] = []
  const followed = turns.filter(isFollowed)
  if (followed.length === 0) return following
  const waiting = followed.filter(({ turn }) => turn.inboxLeft > 0)
  const inboxes = waiting.length === 0 ? none : await readInboxes(parts, unit, waiting.map(readerAfter))
  for (const { turn, visit } of followed) {
    const { isSweep, keepsGaps, runner } = turn.setup
    const next = {
      visit,
      arrivals: [],
      state: turn.state,
      inbox: inboxes.get(visit.path),
      newest: unit.streams.get(visit.path)?.inbox?.newest,
      isSweep,
      keepsGaps,
      runner: turn.next?.runner ?? runner,
      heal: undefined,
    }
    following.push({ ...(await planTurn(parts, unit, next)), isFirst: false })
  }
  await decideEach(parts, unit, following)
  return following
}

const none: ReadonlyMap<StreamPath, WaitingInbox> = new Map()

/** The inboxes of streams that were won. */
function readersOf(unit: UnitOfWork, visits: readonly StreamVisit[]): readonly InboxReader[] {
  const readers: InboxReader[] = []
  for (const { domain, path } of visits) {
    const { inbox, state } = unit.streams.get(path) ?? {}
    if (inbox === undefined || state === undefined) continue
    readers.push({ domain, stream: path, state, size: inbox.arrivals, newest: inbox.newest })
  }
  return readers
}

/** What a turn has left of an inbox. */
function readerAfter({ turn, visit }: PlannedTurn): InboxReader {
  const { domain, path } = visit
  const { newest = 0 } = turn.setup.inbox
  return { domain, stream: path, state: turn.state, size: turn.inboxLeft, newest }
}

/** Whether a turn is followed by another one of its stream. */
export function isFollowed({ turn }: PlannedTurn): boolean {
  return !turn.isPlain && (turn.canGoOn() || turn.next !== undefined)
}

/** A turn before it is planned. */
interface TurnPlan {
  readonly visit: StreamVisit
  readonly arrivals: readonly TurnArrival[]
  readonly state: StreamState
  readonly inbox: WaitingInbox | undefined
  /** How far the inbox went when the stream was won. */
  readonly newest: number | undefined
  readonly isSweep: boolean
  readonly keepsGaps: boolean
  readonly runner: Runner
  readonly heal: HealNote | undefined
}

function planTurn(parts: EngineParts, unit: UnitOfWork, plan: TurnPlan): PlannedTurn | Promise<PlannedTurn> {
  const { state, visit, inbox, arrivals } = plan
  if (visit.domain.baseline === undefined || state.position !== undefined)
    return makeTurn(parts, unit, plan, state)
  const known = { state, arrivals: inbox === undefined ? arrivals : [...inbox.lowest, ...arrivals] }
  return startedState(parts, visit, known).then((started) => makeTurn(parts, unit, plan, started))
}

/** What is decided of an inbox that has entries. */
function chosenOf(
  { batchMax }: EngineParts,
  { clock, domains }: UnitOfWork,
  { visit: { domain }, isSweep, keepsGaps }: TurnPlan,
  of: { readonly inbox: WaitingInbox; readonly state: StreamState },
): TurnInbox {
  const endsGaps = isSweep && !keepsGaps && domains.get(domain.name)?.paused !== true
  return chooseEntries({ domain, clock, endsGaps, batchMax, ...of })
}

/** The turn of a stream that has begun: its baseline is known, where somebody was asked. */
function makeTurn(parts: EngineParts, unit: UnitOfWork, plan: TurnPlan, started: StreamState): PlannedTurn {
  const { visit, arrivals, isSweep, keepsGaps, runner, heal, newest, inbox: waiting } = plan
  const { domain, path } = visit
  const none = newest === undefined ? noInbox : { ...noInbox, newest }
  const inbox = waiting === undefined ? none : chosenOf(parts, unit, plan, { inbox: waiting, state: started })
  const begun = begunBy(started, runner)
  const state = begun > 0 ? asRun(started, begun, runner) : started
  const status = unit.domains.get(domain.name)
  const { entries } = inbox
  // Increasing numbers cannot be put in order later: what comes waits behind what was not read yet.
  const waitsBehind = inbox.others > 0 && domain.rules.numbering.kind === 'increasing'
  const turn = new Turn({
    domain,
    path,
    state,
    clock: unit.clock,
    arrivals: waitsBehind ? entries : entries.length === 0 ? arrivals : [...entries, ...arrivals],
    inbox,
    isSweep,
    keepsGaps,
    heal,
    reread: parts.reread,
    domainFull: (status?.held ?? 0) >= domain.domainHeldMax,
    // What was begun before the domain was paused is brought to its end.
    isPaused: status?.paused === true && begun === 0,
    runner,
    begun,
  })
  return { turn, visit, isFirst: true, earlier: entries.length }
}

async function decideEach(
  parts: EngineParts,
  unit: UnitOfWork,
  planned: readonly PlannedTurn[],
): Promise<void> {
  const open: Decision[] = []
  for (const { turn } of planned) {
    const ranges = turn.decide()
    if (ranges.length > 0) open.push({ turn, ranges, decide: () => turn.decide() })
  }
  if (open.length > 0) await learnAll(unit, open)
  const partials = unit.commands?.partials
  if (partials === undefined || partials.size === 0) return
  for (const { turn } of planned) {
    const partial = partials.get(turn.setup.path)
    if (partial !== undefined) await stopAtPartial(parts, unit, { turn, partial, sinceMs: 0 })
  }
}

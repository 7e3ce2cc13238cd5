// Plans the turns of a unit of work: takes in handed-over events, asks for baselines, and decides all streams
// with one read of held events for the whole batch.
import { asRun, inQuarantine, isBegunBy } from '../core/quarantine.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { StreamState } from '../core/stream-state.ts'
import { unknownStream } from '../core/stream-state.ts'
import type { DeadLetter, StoredHandedOver } from '../ports/records.ts'
import { isEvent } from '../ports/store.ts'
import type { UnitOfWork } from '../ports/store.ts'
import { arrivalOf } from './arrival-of.ts'
import { startedState } from './baseline.ts'
import type { Decision } from './decide-fully.ts'
import { learnAll } from './decide-fully.ts'
import { isClockDue } from './decide-turn.ts'
import type { TrackedDomain } from './domain.ts'
import type { EngineParts } from './engine-parts.ts'
import type { HealNote } from './healing/heal-note.ts'
import type { StreamVisit } from './lanes.ts'
import { arrivalIn, overflowLetter } from './overflow-letter.ts'
import { stopAtPartial } from './partial-effects.ts'
import type { TakenOverflow } from './take-overflow.ts'
import { takeOverflow } from './take-overflow.ts'
import type { TurnArrival } from './turn-outcome.ts'
import type { Runner } from './turn.ts'
import { Turn } from './turn.ts'
import { asBehind } from './wire-clues.ts'

/** How many overflowed events a turn takes back at most; a batch, if that is less. */
const overflowMax = 100

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
}

/** The turns of the streams that were won, decided. */
export async function planTurns(
  parts: EngineParts,
  unit: UnitOfWork,
  scope: PlanScope,
): Promise<readonly PlannedTurn[]> {
  const { visits, runner, takenOver } = scope
  const won = visits.filter(({ path }) => unit.states.has(path))
  const handedOver = await readHandedOver(unit, won, parts.batchMax)
  const planned: PlannedTurn[] = []
  for (const visit of won) {
    const { path } = visit
    const all = handedOver?.get(path) ?? none
    const found = unit.states.get(path) ?? unknownStream
    const isTakenOver = unit.takenOver.has(path) || takenOver?.has(path) === true
    const state = isTakenOver ? inQuarantine(found, parts.batchMax) : found
    const isSweep = visit.isSweep || isClockDue(visit.domain.rules, state, unit.clock)
    const keepsGaps = (isSweep && scope.keepsGaps(visit)) || all.length >= parts.batchMax
    const heal = visit.heal?.(visit, state, unit.clock)
    const kept = withoutRedrives(all)
    if (kept.length < all.length) scope.redrives.add(path)
    const arrivals = scope.isBehind(visit) ? visit.arrivals.map(asBehind) : visit.arrivals
    const plan = { visit, arrivals, state, handedOver: kept, isSweep, keepsGaps, runner, heal }
    const next = planTurn(parts, unit, plan)
    planned.push(next instanceof Promise ? await next : next)
  }
  await decideEach(parts, unit, planned)
  return planned
}

/** The turns that follow where a held or overflowed event may be in turn now; decided. */
export async function followingTurns(
  parts: EngineParts,
  unit: UnitOfWork,
  turns: readonly PlannedTurn[],
): Promise<readonly PlannedTurn[]> {
  const following: PlannedTurn[] = []
  for (const planned of turns) {
    if (!isFollowed(planned)) continue
    const { turn, visit } = planned
    const { isSweep, keepsGaps, runner } = turn.setup
    const next = {
      visit,
      arrivals: [],
      state: turn.state,
      handedOver: none,
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

const none: readonly StoredHandedOver[] = []

/** Whether a turn is followed by another one of its stream. */
export function isFollowed({ turn }: PlannedTurn): boolean {
  return turn.canGoOn() || turn.next !== undefined
}

/** A turn before it is planned. */
interface TurnPlan {
  readonly visit: StreamVisit
  readonly arrivals: readonly TurnArrival[]
  readonly state: StreamState
  readonly handedOver: readonly StoredHandedOver[]
  readonly isSweep: boolean
  readonly keepsGaps: boolean
  readonly runner: Runner
  readonly heal: HealNote | undefined
}

function planTurn(parts: EngineParts, unit: UnitOfWork, plan: TurnPlan): PlannedTurn | Promise<PlannedTurn> {
  const { state, visit } = plan
  const isPlain =
    state.overflow === 0 && (visit.domain.baseline === undefined || state.position !== undefined)
  return isPlain
    ? makeTurn(parts, unit, { ...plan, overflow: noOverflow })
    : planWithQuestions(parts, unit, plan)
}

const noOverflow: TakenOverflow = {
  letters: [],
  hasRoom: false,
  restFrom: undefined,
  buried: new Set(),
}

/** Plans a turn for which overflowed events, or its domain's baseline, have to be asked for. */
async function planWithQuestions(parts: EngineParts, unit: UnitOfWork, plan: TurnPlan): Promise<PlannedTurn> {
  const { visit, handedOver, isSweep, keepsGaps } = plan
  const limit = Math.min(overflowMax, parts.batchMax)
  const letters = plan.state.overflow === 0 ? [] : await unit.overflow(visit.path, limit)
  const hasMore = letters.length === limit
  const counted = { ...plan.state, overflow: hasMore ? plan.state.overflow : letters.length }
  const arrivals = [...keptArrivals(parts, visit.domain, { letters, handedOver }), ...plan.arrivals]
  const isPaused = unit.domains.get(visit.domain.name)?.paused === true
  const state = await startedState(parts, visit, { state: counted, arrivals })
  const { clock } = unit
  const endsGaps = isSweep && !keepsGaps && !isPaused
  const question = { domain: visit.domain, state, clock, letters, hasMore, endsGaps }
  const buried = await unit.buried(
    handedOver.map(({ arrival }) => overflowLetter(visit.path, arrival, clock.now).key),
  )
  return makeTurn(parts, unit, { ...plan, state, overflow: { ...takeOverflow(question), buried } })
}

function makeTurn(
  parts: EngineParts,
  unit: UnitOfWork,
  plan: TurnPlan & { readonly overflow: TakenOverflow },
): PlannedTurn {
  const { visit, handedOver, isSweep, keepsGaps, runner, heal, overflow } = plan
  const { domain, path } = visit
  const runsBegun = isBegunBy(plan.state, runner.worker)
  const state = runsBegun ? asRun(plan.state, runner.isAlone) : plan.state
  const status = unit.domains.get(domain.name)
  // Increasing numbers cannot be put in order later: whatever came after the overflowed events waits behind
  // them.
  const putsAside = overflow.restFrom !== undefined && domain.rules.numbering.kind === 'increasing'
  const kept = keptArrivals(parts, domain, {
    letters: overflow.letters,
    handedOver: putsAside ? [] : handedOver,
  })
  const turn = new Turn({
    domain,
    path,
    state,
    clock: unit.clock,
    arrivals: putsAside ? kept : withKept(kept, plan.arrivals),
    overflow,
    handedOver,
    putsAside,
    isSweep,
    keepsGaps,
    heal,
    reread: parts.reread,
    domainFull: (status?.held ?? 0) >= domain.domainHeldMax,
    // What was begun before the domain was paused is brought to its end.
    isPaused: status?.paused === true && !runsBegun,
    runner,
    runsBegun,
  })
  return { turn, visit, isFirst: true, earlier: kept.length }
}

function withKept(kept: readonly TurnArrival[], come: readonly TurnArrival[]): readonly TurnArrival[] {
  return kept.length === 0 ? come : [...kept, ...come]
}

/** Events that were kept whole, in the order in which they are decided. */
function keptArrivals(
  { reread }: EngineParts,
  domain: TrackedDomain,
  of: { readonly letters: readonly DeadLetter[]; readonly handedOver: readonly StoredHandedOver[] },
): readonly TurnArrival[] {
  const kept = [...of.letters.map(arrivalIn), ...of.handedOver.map(({ arrival }) => arrival)]
  return kept
    .filter((arrival) => arrival !== undefined)
    .map((arrival) => (isEvent(arrival) ? reread(arrival) : arrival))
    .map((event) => ({ event, arrival: arrivalOf(event, domain) }))
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
  await learnAll(unit, open)
  const partials = unit.commands?.partials
  if (partials === undefined || partials.size === 0) return
  for (const { turn } of planned) {
    const partial = partials.get(turn.setup.path)
    if (partial !== undefined) await stopAtPartial(parts, unit, { turn, partial, sinceMs: 0 })
  }
}

/** What is to be decided: dead letters that are tried again are no arrivals. */
function withoutRedrives(handedOver: readonly StoredHandedOver[]): readonly StoredHandedOver[] {
  return handedOver.filter(({ redrive }) => redrive === undefined)
}

async function readHandedOver(
  unit: UnitOfWork,
  won: readonly StreamVisit[],
  limit: number,
): Promise<ReadonlyMap<StreamPath, readonly StoredHandedOver[]> | undefined> {
  const paths = won
    .filter(
      ({ domain, takesHandedOver }) =>
        takesHandedOver || (unit.domains.get(domain.name)?.handedOver ?? 0) > 0,
    )
    .map(({ path }) => path)
  if (paths.length === 0) return undefined
  return Map.groupBy(await unit.handedOver(paths, limit), ({ stream }) => stream)
}

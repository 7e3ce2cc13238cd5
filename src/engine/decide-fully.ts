// Decides turns until they know all the held events that they ask for: decisions are pure, and are made again
// once more is known.
import type { StreamPath } from '../core/stream-path.ts'
import type { HeldEvent, HeldRange } from '../ports/records.ts'
import type { UnitOfWork } from '../ports/store.ts'
import type { Turn } from './turn.ts'

/** A decision that has to be made again once more is known. */
export interface Decision {
  readonly turn: Turn
  /** What has to be read first. */
  readonly ranges: readonly HeldRange[]
  readonly decide: () => readonly HeldRange[]
}

/** Makes a decision until it knows all the held events that it asks for. */
export async function decideFully(
  unit: UnitOfWork,
  turn: Turn,
  decide: () => readonly HeldRange[],
): Promise<void> {
  await learnAll(unit, [{ turn, decide, ranges: decide() }])
}

/** Reads held events for decisions until none asks for more; one read a round for all of them. */
export async function learnAll(unit: UnitOfWork, decisions: readonly Decision[]): Promise<void> {
  for (let open = decisions; ;) {
    open = open.filter(({ ranges }) => ranges.length > 0)
    if (open.length === 0) return
    const events = groupByStream(await unit.held(open.flatMap(({ ranges }) => ranges)))
    open = open.map((decision) => {
      const { turn, ranges, decide } = decision
      turn.learn(ranges, events.get(turn.setup.path) ?? [])
      return { ...decision, ranges: decide() }
    })
  }
}

function groupByStream(held: readonly HeldEvent[]): ReadonlyMap<StreamPath, HeldEvent[]> {
  return Map.groupBy(held, ({ stream }) => stream)
}

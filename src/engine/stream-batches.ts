// Puts the events of a batch together by stream, with their places among the messages, so that each stream is
// claimed, decided and written once a batch.
import type { StreamPath } from '../core/stream-path.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import type { Domains, TrackedDomain } from './domain.ts'
import type { Intake, TrackedIntake } from './intake.ts'
import type { StreamBatch } from './stream-batch.ts'

/** A batch of one stream that knows where its arrivals stood among the messages. */
export interface IndexedBatch extends StreamBatch {
  readonly domain: TrackedDomain
  readonly arrivals: TrackedIntake[]
  readonly indexes: number[]
}

/** The tracked events by stream, in a list per kind of effects. */
export function batchesByEffects(
  intakes: readonly (Intake | undefined)[],
): readonly (readonly IndexedBatch[])[] {
  const batches = new Map<StreamPath, IndexedBatch>()
  for (let index = 0; index < intakes.length; index++) {
    const intake = intakes[index]
    if (intake?.kind !== 'tracked') continue
    const { path, domain, event } = intake
    let batch = batches.get(path)
    if (batch === undefined) {
      batches.set(path, (batch = { domain, path, stream: event.stream, arrivals: [], indexes: [] }))
    }
    batch.arrivals.push(intake)
    batch.indexes.push(index)
  }
  return byEffects([...batches.values()])
}

/**
 * Streams that are looked at though nothing arrived, as batches; those of domains that are not tracked are
 * left out.
 */
export function emptyBatches(domains: Domains, paths: readonly StreamPath[]): readonly IndexedBatch[] {
  return paths.flatMap((path): IndexedBatch[] => {
    const parsed = parseStreamPath(path)
    const domain = parsed && domains.byName.get(parsed.domain)
    if (parsed === undefined || domain?.kind !== 'tracked') return []
    return [{ domain, path, stream: parsed.stream, arrivals: [], indexes: [] }]
  })
}

/** Whether a path belongs to one of the domains, and that one is not tracked. */
export function isUntracked(domains: Domains, path: StreamPath): boolean {
  return domains.byName.get(parseStreamPath(path)?.domain ?? '')?.kind === 'unordered'
}

/** Batches in a list per kind of effects. */
export function byEffects(batches: readonly IndexedBatch[]): readonly (readonly IndexedBatch[])[] {
  return [...Map.groupBy(batches, ({ domain }) => domain.effects).values()]
}

// Says that a worker is there, and that it leaves by its own will; is told of others that fell silent.
// Upholds I8 (reading time is measured by these beats) and I7 (what killed them is met with care).
import { InturnError } from '../core/errors.ts'
import type { EngineParts } from './engine-parts.ts'

/** A worker that is silent for less than this is not missed, however short its claims are. */
const missedMs = 5_000

/** Says that this worker has been reading its source. */
export async function beat(parts: EngineParts): Promise<void> {
  const { store, consumer, worker, claimMs } = parts
  const { died } = await store.heartbeat(consumer, worker, Math.max(claimMs, missedMs))
  if (died.length === 0) return
  parts.wariness.rouse()
  parts.telemetry({ kind: 'workers-died', workers: died })
}

/** Says that this worker ends. What the store makes of it changes nothing for a worker that ends. */
export async function leave({ store, consumer, worker }: EngineParts): Promise<void> {
  try {
    await store.leave(consumer, worker)
  } catch (error) {
    if (!(error instanceof InturnError)) throw error
  }
}

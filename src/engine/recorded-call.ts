// Calls a handler while what it gives for the commit is recorded: what it gave counts once it has ended well,
// and what a failed one gave is void. Upholds I2.
import type { StreamPath } from '../core/stream-path.ts'
import type { Recorded } from '../ports/commit-commands.ts'
import type { UnitOfWork } from '../ports/store.ts'

/** A call, and where its recording goes. */
export interface RecordedCall {
  readonly stream: StreamPath
  /** `redis`: what the handler records with; absent where the store runs no commands. */
  readonly call: (redis: unknown) => void | Promise<void>
  readonly take: (recorded: Recorded) => void
}

/** Makes a call; a promise only where the handler has one. Throws, or rejects, as the call does. */
export function recordCall({ commands }: UnitOfWork, made: RecordedCall): void | Promise<void> {
  if (commands === undefined) return made.call(undefined)
  const recording = commands.record(made.stream)
  try {
    const called = made.call(recording.commands)
    if (called === undefined) {
      made.take(recording.end())
      return undefined
    }
    return called.then(() => made.take(recording.end())).finally(() => recording.end())
  } catch (error) {
    recording.end()
    throw error
  }
}

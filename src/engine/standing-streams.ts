// Which streams stand still once all that can be delivered is: what waits for a missing number, for a person,
// or for a paused domain. Upholds I7: the list has a limit, and tells what lies beyond it.
import type { StreamPath } from '../core/stream-path.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import type { DomainStatus } from '../ports/records.ts'
import type { StoredStream } from '../ports/store-reader.ts'
import type { EngineParts } from './engine-parts.ts'

/** A stream that does not go on by itself. */
export interface StandingStream {
  readonly stream: StreamPath
  /** `gap`: a number in front of what is held has not come. */
  readonly why: 'halted' | 'failing' | 'gap' | 'paused'
  /** What a halt or a failure says. */
  readonly reason?: string
}

/** How a worker has ended. */
export interface RunEnd {
  /** The source was read, and all that can be delivered is. Without `until`, or stopped before: false. */
  readonly isCaughtUp: boolean
  /** How many streams stand still; 0 where it has not caught up. */
  readonly standingCount: number
  /** The first 100 of them, ascending by path. */
  readonly standing: readonly StandingStream[]
}

const listedMax = 100
const pageMax = 500

/** What stands still of a consumer that has caught up. */
export async function caughtUpEnd({ store, consumer }: EngineParts): Promise<RunEnd> {
  const domains = await store.reader.domains(consumer)
  const standing: StandingStream[] = []
  let standingCount = 0
  for (let after: StreamPath | undefined = ''; after !== undefined;) {
    const query = { onlyWaiting: true, limit: pageMax, after }
    const page: readonly StoredStream[] = await store.reader.streams(consumer, query)
    for (const stored of page) {
      const found = standingOf(stored, domains)
      if (found === undefined) continue
      if (standing.length < listedMax) standing.push(found)
      standingCount++
    }
    after = page.length < pageMax ? undefined : page.at(-1)?.stream
  }
  return { isCaughtUp: true, standingCount, standing }
}

function standingOf(
  { stream, state }: StoredStream,
  domains: ReadonlyMap<string, DomainStatus>,
): StandingStream | undefined {
  const { halt, failing, heldCount } = state
  if (halt !== undefined) return { stream, why: 'halted', reason: halt.reason }
  if (failing !== undefined) return { stream, why: 'failing', reason: failing.error }
  if (heldCount === 0) return undefined
  const isPaused = domains.get(parseStreamPath(stream)?.domain ?? '')?.paused === true
  return { stream, why: isPaused ? 'paused' : 'gap' }
}

// How a unit of work begins, with or without a transaction of its own: claims first, then what is read of the
// streams, all in one flush. Later statements see what was committed before the claims were won. Upholds I5.
import type { StreamPath } from '../../core/stream-path.ts'
import type { Clock } from '../../core/stream-state.ts'
import { unknownStream } from '../../core/stream-state.ts'
import type { WonStream, WorkRequest } from '../../ports/store.ts'
import type { Claimed } from './claims.ts'
import { claimStreams } from './claims.ts'
import type { Connection } from './connection.ts'
import type { Domains } from './consumers.ts'
import { readDomains } from './consumers.ts'
import { readInboxes } from './inbox.ts'
import { realAt } from './row.ts'
import type { Statements } from './schema.ts'
import { readStates } from './streams.ts'

const readClockSql = 'SELECT reading_ms FROM inturn.consumer WHERE id = $1'

/** What a unit of work is made of. */
export interface UnitParts {
  readonly connection: Connection
  readonly consumer: number
  readonly request: WorkRequest
}

/** What a unit of work begins with. */
export interface BegunUnit {
  readonly claimed: Claimed
  readonly clock: Clock
  readonly streams: ReadonlyMap<StreamPath, WonStream>
  readonly domains: Domains
}

/** Claims streams and reads what there is of them. */
export async function beginUnit(
  statements: Statements,
  { connection, consumer, request }: UnitParts,
): Promise<BegunUnit> {
  const { streams, worker, mode, claimMs } = request
  const claim = mode === 'claim' ? { claimMs } : {}
  const [claimed, known, inboxes, domains, [clock]] = await Promise.all([
    claimStreams(statements, { consumer, worker, streams, ...claim, shiftMs: connection.shiftMs() }),
    readStates(statements, consumer, streams),
    readInboxes(statements, consumer, streams),
    readDomains(statements, consumer),
    statements.run(readClockSql, consumer),
  ])
  const { won, fence, takenOver } = claimed
  const wonStream = (path: StreamPath): WonStream => ({
    state: known.get(path) ?? unknownStream,
    fence,
    inbox: inboxes.get(path),
    isTakenOver: takenOver.has(path),
  })
  return {
    claimed,
    clock: { now: claimed.now, readingMs: realAt(clock, 'reading_ms') },
    streams: new Map([...won].map((path) => [path, wonStream(path)])),
    domains,
  }
}

// How a unit of work begins, with or without a transaction of its own: one call claims the streams and reads
// what there is of them, by later statements, which see what was committed before they were won. Upholds I5.
import { decodeState } from '../../core/encode-state.ts'
import { InturnError } from '../../core/errors.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import { unknownStream } from '../../core/stream-state.ts'
import type { WonStream, WorkRequest } from '../../ports/store.ts'
import type { BegunUnit, UnitReads } from '../../storage/unit-of-work.ts'
import type { Connection } from './connection.ts'
import { domainsOf } from './consumers.ts'
import { readHeld } from './held.ts'
import { inboxesOf, readPages } from './inbox.ts'
import type { PostgresRow } from './postgres-client.ts'
import { findIds } from './processed-ids.ts'
import { bytesAt, numberAt, realAt, rowsAt, storedText, textAt } from './row.ts'
import type { Statements } from './schema.ts'

const beginUnitSql = 'SELECT * FROM inturn.begin_unit($1, $2, $3, $4, $5, $6)'

/** What a unit of work is made of. */
export interface PostgresUnitParts {
  readonly connection: Connection
  readonly consumer: number
  readonly request: WorkRequest
}

/** How a unit of work has begun. */
export interface Beginning {
  readonly begun: BegunUnit
  readonly fence: number
  /** The transaction in which it was begun. */
  readonly xact: string
  /** It is time to fold what is counted of the consumer's domains. */
  readonly isLoose: boolean
}

/** Claims streams and reads what there is of them. */
export async function beginUnit(
  statements: Statements,
  { connection, consumer, request }: PostgresUnitParts,
): Promise<Beginning> {
  const { streams: asked, worker, mode, claimMs } = request
  const isTransaction = mode === 'transaction'
  const values = [storedText(worker), claimMs, isTransaction, connection.shiftMs()]
  const [row = {}] = await statements.run(beginUnitSql, consumer, asked, ...values)
  const clock = { now: realAt(row, 'now_ms'), readingMs: realAt(row, 'reading_ms') }
  const { byName, isLoose } = domainsOf(rowsAt(row, 'domains'))
  return {
    begun: { clock, ...streamsIn(row, asked), domains: byName },
    fence: numberAt(row, 'fence'),
    xact: textAt(row, 'xact'),
    isLoose,
  }
}

/** What a unit of work reads, by some statements. */
export function unitReads(
  statements: Statements,
  { connection, consumer }: Pick<PostgresUnitParts, 'connection' | 'consumer'>,
): UnitReads {
  return {
    held: (ranges) => readHeld(statements, consumer, ranges),
    inbox: (pages) => readPages(statements, consumer, pages),
    knownIds: (domain, ids) => findIds(statements, consumer, { domain, ids, shiftMs: connection.shiftMs() }),
  }
}

/** The streams that were won, with what is known of them: the states of all stand one behind another. */
function streamsIn(row: PostgresRow, asked: readonly StreamPath[]): Pick<BegunUnit, 'streams' | 'busy'> {
  const streams = new Map<StreamPath, WonStream>()
  const busy: StreamPath[] = []
  if (asked.length === 0) return { streams, busy }
  const fence = numberAt(row, 'fence')
  const outcomes = textAt(row, 'outcomes')
  const lengths = textAt(row, 'lengths').split(',')
  const states = row['states'] === null ? none : bytesAt(row, 'states')
  const inboxes = inboxesOf(rowsAt(row, 'inboxes'))
  let end = 0
  for (const [nth, path] of asked.entries()) {
    const outcome = outcomes[nth]
    const length = Number(lengths[nth])
    end += length
    if (outcome === 'b') busy.push(path)
    else {
      const state = length === 0 ? unknownStream : decodeState(states.subarray(end - length, end))
      streams.set(path, { state, fence, inbox: inboxes.get(path), isTakenOver: outcome === 't' })
    }
  }
  if (end === states.length && outcomes.length === asked.length) return { streams, busy }
  throw new InturnError('store-corrupt', 'the store has told states that are not those of the streams')
}

const none = new Uint8Array()

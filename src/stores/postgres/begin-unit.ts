// How a unit of work begins, with or without a transaction of its own: one call claims the streams and reads
// what there is of them, by later statements, which see what was committed before they were won. Upholds I5.
import { decodeState } from '../../core/encode-state.ts'
import { InturnError } from '../../core/errors.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { Clock } from '../../core/stream-state.ts'
import { unknownStream } from '../../core/stream-state.ts'
import type { WonStream, WorkRequest } from '../../ports/store.ts'
import type { Connection } from './connection.ts'
import type { Domains } from './consumers.ts'
import { domainsOf } from './consumers.ts'
import { inboxesOf } from './inbox.ts'
import type { PostgresRow } from './postgres-client.ts'
import { bytesAt, numberAt, realAt, rowsAt, storedText, textAt } from './row.ts'
import type { Statements } from './schema.ts'

const beginUnitSql = 'SELECT * FROM inturn.begin_unit($1, $2, $3, $4, $5, $6)'

/** What a unit of work is made of. */
export interface UnitParts {
  readonly connection: Connection
  readonly consumer: number
  readonly request: WorkRequest
}

/** What a unit of work begins with. */
export interface BegunUnit {
  readonly fence: number
  /** The transaction in which it was begun. */
  readonly xact: string
  readonly clock: Clock
  readonly streams: ReadonlyMap<StreamPath, WonStream>
  readonly busy: readonly StreamPath[]
  readonly domains: Domains
}

/** Claims streams and reads what there is of them. */
export async function beginUnit(
  statements: Statements,
  { connection, consumer, request }: UnitParts,
): Promise<BegunUnit> {
  const { streams: asked, worker, mode, claimMs } = request
  const isTransaction = mode === 'transaction'
  const values = [storedText(worker), claimMs, isTransaction, connection.shiftMs()]
  const [row = {}] = await statements.run(beginUnitSql, consumer, asked, ...values)
  const now = realAt(row, 'now_ms')
  return {
    fence: numberAt(row, 'fence'),
    xact: textAt(row, 'xact'),
    clock: { now, readingMs: realAt(row, 'reading_ms') },
    ...streamsIn(row, asked),
    domains: domainsOf(rowsAt(row, 'domains')),
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

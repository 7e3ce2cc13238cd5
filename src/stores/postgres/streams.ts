// The rows of streams: their states, read and written, all of a batch in one statement.
import { decodeState, encodeState } from '../../core/encode-state.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { StreamState } from '../../core/stream-state.ts'
import { standingOf } from '../../ports/standing.ts'
import type { StreamChange } from '../../ports/store.ts'
import { bytesAt, textAt } from './row.ts'
import type { Statements } from './schema.ts'

const readStatesSql = 'SELECT path, state FROM inturn.stream WHERE consumer = $1 AND path = ANY ($2)'
const writeStreamsSql = /* sql */ `
  INSERT INTO inturn.stream AS s
    (consumer, path, state, deliveries, changed_at, fence, standing, due_at, due_reading)
  SELECT $1, path, state, deliveries, floor(extract(epoch FROM clock_timestamp()) * 1000) + $2::float8, $3,
    standing, due_at, due_reading
  FROM unnest($4::text[], $5::bytea[], $6::bigint[], $7::smallint[], $8::float8[], $9::float8[])
    AS changed (path, state, deliveries, standing, due_at, due_reading)
  ORDER BY path
  ON CONFLICT (consumer, path) DO UPDATE SET
    state = EXCLUDED.state, deliveries = s.deliveries + EXCLUDED.deliveries,
    changed_at = EXCLUDED.changed_at, fence = EXCLUDED.fence, standing = EXCLUDED.standing,
    due_at = EXCLUDED.due_at, due_reading = EXCLUDED.due_reading
`

/** The states of those of some streams that are known. */
export async function readStates(
  statements: Statements,
  consumer: number,
  paths: readonly StreamPath[],
): Promise<ReadonlyMap<StreamPath, StreamState>> {
  const rows = await statements.run(readStatesSql, consumer, paths)
  return new Map(rows.map((row) => [textAt(row, 'path'), decodeState(bytesAt(row, 'state'))]))
}

/** Changes of streams, each stream once, as columns. */
export interface StreamColumns {
  readonly columns: readonly unknown[][]
}

/** Turns changes into columns; whatever can be wrong with a state is wrong here. */
export function streamColumns(changes: readonly StreamChange[]): StreamColumns {
  return {
    columns: [
      changes.map(({ stream }) => stream),
      changes.map(({ state }) => encodeState(state)),
      changes.map(({ deliveries }) => deliveries),
      changes.map(standingOf),
      changes.map(({ due }) => due.at ?? null),
      changes.map(({ due }) => due.readingMs ?? null),
    ],
  }
}

/** Writes streams. */
export function writeStreams(
  statements: Statements,
  {
    consumer,
    shiftMs,
    fence,
  }: { readonly consumer: number; readonly shiftMs: number; readonly fence: number },
  { columns }: StreamColumns,
): Promise<unknown> {
  return statements.run(writeStreamsSql, consumer, shiftMs, fence, ...columns)
}

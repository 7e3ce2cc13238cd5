// Writes the rows of streams, all of a batch with one statement: their states one behind another, and
// columns in which nothing stands not at all.
import { writeState } from '../../core/encode-state.ts'
import { ByteWriter } from '../../core/varints.ts'
import type { StreamChange } from '../../ports/store.ts'
import { standingOf } from '../../storage/stream-index.ts'
import type { Statements } from './schema.ts'

const writeStreamsSql = /* sql */ `
  INSERT INTO inturn.stream AS s
    (consumer, path, state, deliveries, changed_at, fence, standing, due_at, due_reading)
  SELECT $1, path, substring($5::bytea, first, length), deliveries,
    (SELECT floor(extract(epoch FROM clock_timestamp()) * 1000) + $2::float8), $3, coalesce(standing, 0),
    due_at, due_reading
  FROM unnest(
    $4::text[], $6::int[], $7::int[], $8::bigint[], $9::smallint[], $10::float8[], $11::float8[]
  ) AS changed (path, first, length, deliveries, standing, due_at, due_reading)
  ORDER BY path
  ON CONFLICT (consumer, path) DO UPDATE SET
    state = EXCLUDED.state, deliveries = s.deliveries + EXCLUDED.deliveries,
    changed_at = EXCLUDED.changed_at, fence = EXCLUDED.fence, standing = EXCLUDED.standing,
    due_at = EXCLUDED.due_at, due_reading = EXCLUDED.due_reading
`

/** Changes of streams, each stream once, as columns. */
export interface StreamColumns {
  readonly columns: readonly unknown[]
}

/** Where states are written, those of one commit at a time. */
const scratch = new ByteWriter()

/** Turns changes into columns; whatever can be wrong with a state is wrong here. */
export function streamColumns(changes: readonly StreamChange[]): StreamColumns {
  const firsts: number[] = []
  const states = scratch.written(() => {
    for (const { state } of changes) {
      firsts.push(scratch.at + 1)
      writeState(scratch, state)
    }
  })
  return {
    columns: [
      changes.map(({ stream }) => stream),
      states,
      firsts,
      firsts.map((first, nth) => (firsts[nth + 1] ?? states.length + 1) - first),
      changes.map(({ deliveries }) => deliveries),
      filled(changes.map(standingOf), 0),
      filled(
        changes.map(({ due }) => due.at ?? null),
        null,
      ),
      filled(
        changes.map(({ due }) => due.readingMs ?? null),
        null,
      ),
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

/** A column, or nothing if each value of it is the one that stands for nothing. */
function filled<Value>(column: readonly Value[], nothing: Value): readonly Value[] | null {
  return column.every((value) => value === nothing) ? null : column
}

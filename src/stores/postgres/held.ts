// Held events: kept, released and read by ranges of (epoch, sequence), all of a batch in one statement each.
import { sortableText } from '../../core/sequence.ts'
import type { HeldEvent, HeldRange } from '../../ports/records.ts'
import { readEvent, recordText } from '../../storage/record-text.ts'
import type { PostgresRow } from './postgres-client.ts'
import { numberAt, partsOf, realAt, textAt } from './row.ts'
import type { Statements } from './schema.ts'

// Keeps events; one with the number of another replaces it, and is not counted again.
const keepHeldSql = /* sql */ `
  WITH kept AS (
    INSERT INTO inturn.held AS h (consumer, path, epoch, sequence, event, print, held_at)
    SELECT $1, path, epoch, sequence, event, print, held_at
    FROM unnest($2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::float8[])
      AS given (path, epoch, sequence, event, print, held_at)
    ON CONFLICT (consumer, path, epoch, sequence) DO UPDATE
    SET event = EXCLUDED.event, print = EXCLUDED.print, held_at = EXCLUDED.held_at
    RETURNING path, xmax = 0 AS is_new
  )
  INSERT INTO inturn.domain_count (consumer, part, held, handed_over)
  SELECT $1, split_part(path, '/', 1), count(*), 0 FROM kept WHERE is_new GROUP BY 2
`
const releaseHeldSql = /* sql */ `
  WITH gone AS (
    DELETE FROM inturn.held AS h
    USING unnest($2::text[], $3::bigint[], $4::text[], $5::text[]) AS r (path, epoch, after, upto)
    WHERE h.consumer = $1 AND h.path = r.path AND h.epoch = r.epoch AND h.sequence > r.after COLLATE "C"
      AND h.sequence <= r.upto COLLATE "C"
    RETURNING h.path
  )
  INSERT INTO inturn.domain_count (consumer, part, held, handed_over)
  SELECT $1, split_part(path, '/', 1), -count(*), 0 FROM gone GROUP BY 2
`
const readHeldSql = /* sql */ `
  SELECT h.path, h.event, h.print, h.held_at
  FROM unnest($2::text[], $3::bigint[], $4::text[], $5::text[])
    WITH ORDINALITY AS r (path, epoch, after, upto, nth)
  CROSS JOIN LATERAL (
    SELECT * FROM inturn.held AS h
    WHERE h.consumer = $1 AND h.path = r.path AND h.epoch = r.epoch AND h.sequence > r.after COLLATE "C"
      AND h.sequence <= r.upto COLLATE "C"
  ) AS h
  ORDER BY r.nth, h.sequence
`

/** Events to keep, as columns; of two with one number the later one. */
export function heldColumns(events: readonly HeldEvent[]): readonly unknown[][] {
  const byPlace = new Map(
    events.map((held) => [`${held.stream} ${held.event.epoch} ${held.event.sequence}`, held]),
  )
  const kept = [...byPlace.values()]
  return [
    kept.map(({ stream }) => stream),
    kept.map(({ event }) => event.epoch),
    kept.map(({ event }) => sortableText(event.sequence)),
    kept.map(({ event }) => recordText(event)),
    kept.map(({ print }) => print),
    kept.map(({ heldAt }) => heldAt),
  ]
}

/** Keeps events. */
export function keepHeld(
  statements: Statements,
  consumer: number,
  columns: readonly unknown[][],
): Promise<unknown> {
  return Promise.all(partsOf(columns).map((part) => statements.run(keepHeldSql, consumer, ...part)))
}

/** Forgets ranges. */
export function releaseHeld(
  statements: Statements,
  consumer: number,
  ranges: readonly HeldRange[],
): Promise<unknown> {
  return statements.run(releaseHeldSql, consumer, ...rangeColumns(ranges))
}

/** The events of ranges, ascending within each. */
export async function readHeld(
  statements: Statements,
  consumer: number,
  ranges: readonly HeldRange[],
): Promise<readonly HeldEvent[]> {
  if (ranges.length === 0) return []
  return (await statements.run(readHeldSql, consumer, ...rangeColumns(ranges))).map(heldIn)
}

/** The event of a row. */
export function heldIn(row: PostgresRow): HeldEvent {
  return {
    stream: textAt(row, 'path'),
    event: readEvent(textAt(row, 'event')),
    print: numberAt(row, 'print'),
    heldAt: realAt(row, 'held_at'),
  }
}

function rangeColumns(ranges: readonly HeldRange[]): readonly unknown[][] {
  return [
    ranges.map(({ stream }) => stream),
    ranges.map(({ epoch }) => epoch),
    ranges.map(({ after }) => (after === null ? '' : sortableText(after))),
    ranges.map(({ to }) => sortableText(to)),
  ]
}

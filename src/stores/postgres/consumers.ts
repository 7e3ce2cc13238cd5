// Consumers, their domains and their workers: counts, clocks, and the notes of sources. What is counted of a
// domain is added as rows of their own, so that no transaction waits for another one.
import { parseStreamPath } from '../../core/stream-path.ts'
import type { DomainStatus } from '../../ports/records.ts'
import type { Beat, BeatOptions } from '../../ports/store.ts'
import type { Connection } from './connection.ts'
import type { PostgresRow } from './postgres-client.ts'
import { flagAt, numberAt, originalText, realAt, storedText, textAt } from './row.ts'
import type { Statements } from './schema.ts'

const addConsumerSql = /* sql */ `
  INSERT INTO inturn.consumer (name) VALUES ($1) ON CONFLICT (name) DO NOTHING
`
const findConsumerSql = 'SELECT id FROM inturn.consumer WHERE name = $1'
// A worker was reading: time since the last beat counts if it is at most $3 milliseconds. A clock that was
// read before that of a beat which was first does not go back.
const beatSql = /* sql */ `
  UPDATE inturn.consumer SET
    reading_ms = reading_ms + CASE WHEN c.now - beat_at BETWEEN 0 AND $3 THEN c.now - beat_at ELSE 0 END,
    beat_at = CASE WHEN beat_at - c.now BETWEEN 0 AND $3 THEN beat_at ELSE c.now END
  FROM (SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 + $2::float8 AS now) AS c
  WHERE id = $1
  RETURNING reading_ms, beat_at
`
const workerBeatSql = /* sql */ `
  INSERT INTO inturn.worker (consumer, name, beat_at)
  SELECT id, $2, beat_at FROM inturn.consumer WHERE id = $1
  ON CONFLICT (consumer, name) DO UPDATE SET beat_at = EXCLUDED.beat_at
`
// Forgets the workers other than $2 that have been silent for longer than $3, and says which.
const takeSilentSql = /* sql */ `
  DELETE FROM inturn.worker AS w USING inturn.consumer AS c
  WHERE c.id = $1 AND w.consumer = $1 AND w.name <> $2 AND w.beat_at < c.beat_at - $3::float8
  RETURNING w.name
`
const readClocksSql = /* sql */ `
  SELECT reading_ms, floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 + $2::float8 AS now
  FROM inturn.consumer WHERE id = $1
`
const leaveSql = 'DELETE FROM inturn.worker WHERE consumer = $1 AND name = $2'
const readCheckpointSql = /* sql */ `
  SELECT value FROM inturn.checkpoint JOIN inturn.consumer ON consumer.id = checkpoint.consumer
  WHERE name = $1 AND source = $2
`
const writeCheckpointSql = /* sql */ `
  INSERT INTO inturn.checkpoint (consumer, source, value) VALUES ($1, $2, $3)
  ON CONFLICT (consumer, source) DO UPDATE SET value = EXCLUDED.value
`
const countDomainsSql = 'SELECT * FROM inturn.count_domains($1)'
const lockCountsSql = /* sql */ `
  SELECT pg_advisory_xact_lock(
    hashtextextended('counts ' || $1, 'inturn.domain_count'::regclass::oid::bigint)
  )
`
const foldCountsSql = /* sql */ `
  WITH loose AS (
    DELETE FROM inturn.domain_count WHERE consumer = $1 RETURNING part, held, handed_over
  )
  INSERT INTO inturn.domain AS d (consumer, part, held, handed_over)
  SELECT $1, part, sum(held), sum(handed_over) FROM loose GROUP BY part ORDER BY part
  ON CONFLICT (consumer, part) DO UPDATE
  SET held = d.held + EXCLUDED.held, handed_over = d.handed_over + EXCLUDED.handed_over
`

const longestBeatMs = 5000

/** So many rows of counts are folded into one. */
const looseMax = 200

/** What is known of a consumer's domains. */
export interface Domains {
  readonly byName: ReadonlyMap<string, DomainStatus>
  /** It is time to fold the rows of their counts. */
  readonly isLoose: boolean
}

/** The consumers that this process works for, by the ids of their rows. */
export class Consumers {
  readonly #known = new Map<string, number>()
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Forgets what is known of them. */
  clear(): void {
    this.#known.clear()
  }

  /** The id of a consumer; made where there is none. */
  async named(name: string): Promise<number> {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const id = await this.#connection.write(async (statements) => {
      const stored = storedText(name)
      await statements.run(addConsumerSql, stored)
      return numberAt((await statements.run(findConsumerSql, stored))[0], 'id')
    })
    this.#known.set(name, id)
    return id
  }
}

/** A worker of the consumer was reading; or leaves, and is forgotten. */
export async function beat(
  statements: Statements,
  consumer: number,
  { silentMs, leaves, shiftMs, ...beat }: BeatOptions & { readonly worker: string; readonly shiftMs: number },
): Promise<Beat> {
  const worker = storedText(beat.worker)
  if (leaves === true) {
    await statements.run(leaveSql, consumer, worker)
    const [row] = await statements.run(readClocksSql, consumer, shiftMs)
    return { now: realAt(row, 'now'), readingMs: realAt(row, 'reading_ms'), died: [] }
  }
  const [row] = await statements.run(beatSql, consumer, shiftMs, longestBeatMs)
  await statements.run(workerBeatSql, consumer, worker)
  const silent = silentMs === undefined ? [] : await statements.run(takeSilentSql, consumer, worker, silentMs)
  return {
    now: realAt(row, 'beat_at'),
    readingMs: realAt(row, 'reading_ms'),
    died: silent.map((found) => originalText(textAt(found, 'name'))),
  }
}

/** The note of a source. */
export async function readCheckpoint(
  connection: Connection,
  consumer: string,
  source: string,
): Promise<string | undefined> {
  const [row] = await connection.read(readCheckpointSql, storedText(consumer), storedText(source))
  return row === undefined ? undefined : originalText(textAt(row, 'value'))
}

/** Keeps the note of a source. */
export async function keepCheckpoint(
  statements: Statements,
  consumer: number,
  { source, value }: { readonly source: string; readonly value: string },
): Promise<void> {
  await statements.run(writeCheckpointSql, consumer, storedText(source), storedText(value))
}

/** What is counted of each domain. */
export async function readDomains(statements: Statements, consumer: number): Promise<Domains> {
  return domainsOf(await statements.run(countDomainsSql, consumer))
}

/** The domains of rows with what is counted of each. */
export function domainsOf(rows: readonly PostgresRow[]): Domains {
  const byName = rows.map((row): readonly [string, DomainStatus] => {
    const counts = { held: numberAt(row, 'held'), handedOver: numberAt(row, 'handed_over') }
    return [nameOf(textAt(row, 'part')), { ...counts, paused: flagAt(row, 'paused') }]
  })
  const loose = rows.reduce((sum, row) => sum + numberAt(row, 'loose'), 0)
  return { byName: new Map(byName), isLoose: loose > looseMax }
}

/** Folds the rows of counts into one a domain. */
export async function foldCounts(connection: Connection, consumer: number): Promise<void> {
  await connection.write(async (statements) => {
    await statements.run(lockCountsSql, consumer)
    await statements.run(foldCountsSql, consumer)
  })
}

/** The domain of which this is the part that the paths of its streams begin with. */
function nameOf(part: string): string {
  return parseStreamPath(`${part}/`)?.domain ?? part
}

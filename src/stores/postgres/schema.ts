// inturn's own tables, in a schema of their own: their version, and the way from each version to the next. A
// schema of a newer version is left alone.
import { InturnError } from '../../core/errors.ts'
import type { PostgresRow } from './postgres-client.ts'
import { numberAt } from './row.ts'

/** What runs statements of inturn's own; `inturn.` in them is the schema, whatever its name. */
export interface Statements {
  run(sql: string, ...values: readonly unknown[]): Promise<PostgresRow[]>
}

const lockMigrationSql = "SELECT pg_advisory_xact_lock(hashtextextended('inturn migration ' || $1, 0))"
const findMetaSql = "SELECT to_regclass('inturn.meta') IS NOT NULL AS is_there"
const readVersionSql = "SELECT value FROM inturn.meta WHERE key = 'schema'"
const writeVersionSql = /* sql */ `
  INSERT INTO inturn.meta (key, value) VALUES ('schema', $1)
  ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value
`
const readEncodingSql = "SELECT current_setting('server_encoding') AS encoding"

/** The first item leads from nothing to version 1, the next one to version 2. */
const schemaSteps: readonly string[] = [
  /* sql */ `
    -- What is known of the whole: the version of the schema, and the last place of the log.
    CREATE TABLE inturn.meta (
      key text COLLATE "C" PRIMARY KEY,
      value bigint NOT NULL
    ) WITH (fillfactor = 20);
    INSERT INTO inturn.meta VALUES ('log-place', 0);
    -- The streams of the event log. head is the last number that was given; it outlives its event.
    CREATE TABLE inturn.log_stream (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      domain text COLLATE "C" NOT NULL,
      stream text COLLATE "C" NOT NULL,
      head bigint NOT NULL DEFAULT 0,
      UNIQUE (domain, stream)
    ) WITH (fillfactor = 70);
    -- The events of the log. row_id rises within a stream: it is drawn while the stream is locked.
    CREATE TABLE inturn.log_event (
      row_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      stream bigint NOT NULL,
      sequence bigint NOT NULL,
      id text COLLATE "C" NOT NULL,
      type text NOT NULL,
      time text NOT NULL,
      appended_at bigint NOT NULL,
      attributes text,
      data text NOT NULL,
      UNIQUE (stream, sequence),
      UNIQUE (stream, id)
    );
    -- Committed events that have no place yet.
    CREATE TABLE inturn.log_new (row_id bigint PRIMARY KEY);
    -- The order of the log: dense, and given after the commit.
    CREATE TABLE inturn.log_place (
      place bigint PRIMARY KEY,
      row_id bigint NOT NULL UNIQUE
    );
    -- Locks streams in one order for everybody, and tells where they are by then (rows without an id) and
    -- which of some ids they have. Each statement of a function sees what was committed before it, so the
    -- second one sees what the first one has waited for.
    CREATE FUNCTION inturn.log_lock(domains text[], streams text[], ids_of int[], ids text[])
    RETURNS TABLE (
      nth int, stream_id bigint, head bigint, now_ms bigint, xact text, row_id bigint, place bigint,
      sequence bigint, id text, type text, "time" text, appended_at bigint, attributes text, data text
    ) LANGUAGE plpgsql AS $$
    #variable_conflict use_column
    BEGIN
      INSERT INTO inturn.log_stream AS s (domain, stream)
      SELECT a.domain, a.stream FROM unnest(domains, streams) AS a (domain, stream)
      ORDER BY a.domain COLLATE "C", a.stream COLLATE "C"
      ON CONFLICT (domain, stream) DO UPDATE SET head = s.head WHERE false;
      RETURN QUERY
      SELECT a.nth::int, s.id, s.head, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint,
        pg_current_xact_id()::text, NULL::bigint, NULL::bigint, NULL::bigint, NULL, NULL, NULL, NULL::bigint,
        NULL, NULL
      FROM unnest(domains, streams) WITH ORDINALITY AS a (domain, stream, nth)
      JOIN inturn.log_stream AS s ON s.domain = a.domain AND s.stream = a.stream
      UNION ALL
      SELECT k.nth, s.id, NULL, NULL, NULL, e.row_id, p.place, e.sequence, e.id, e.type, e.time,
        e.appended_at, e.attributes, e.data
      FROM unnest(ids_of, ids) AS k (nth, id)
      JOIN inturn.log_stream AS s ON s.domain = domains[k.nth] AND s.stream = streams[k.nth]
      JOIN inturn.log_event AS e ON e.stream = s.id AND e.id = k.id
      LEFT JOIN inturn.log_place AS p ON p.row_id = e.row_id;
    END $$;
    -- Gives places to committed events, at most so many; says how many it were. One after another, and each
    -- sees what the one before it has committed.
    CREATE FUNCTION inturn.log_give_places(at_most int) RETURNS int LANGUAGE plpgsql AS $$
    DECLARE given int;
    BEGIN
      IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'places are given under READ COMMITTED only';
      END IF;
      PERFORM pg_advisory_xact_lock(
        hashtextextended('inturn places', 'inturn.log_place'::regclass::oid::bigint)
      );
      WITH fresh AS (
        DELETE FROM inturn.log_new WHERE row_id = ANY (ARRAY(
          SELECT row_id FROM inturn.log_new ORDER BY row_id LIMIT at_most
        )) RETURNING row_id
      ), placed AS (
        INSERT INTO inturn.log_place (place, row_id)
        SELECT m.value + row_number() OVER (ORDER BY f.row_id), f.row_id
        FROM fresh AS f CROSS JOIN inturn.meta AS m WHERE m.key = 'log-place'
        RETURNING place
      )
      SELECT count(*) INTO given FROM placed;
      IF given > 0 THEN
        UPDATE inturn.meta SET value = value + given WHERE key = 'log-place';
      END IF;
      RETURN given;
    END $$;
    -- The last number that a sequencer gave in each stream.
    CREATE TABLE inturn.sequence (
      domain text COLLATE "C",
      stream text COLLATE "C",
      last bigint NOT NULL,
      PRIMARY KEY (domain, stream)
    ) WITH (fillfactor = 70);
    -- Numbers that were reserved. state: open, used, burned (not published yet), published.
    CREATE TABLE inturn.reservation (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      domain text COLLATE "C" NOT NULL,
      stream text COLLATE "C" NOT NULL,
      first bigint NOT NULL,
      last bigint NOT NULL,
      until bigint NOT NULL,
      state text NOT NULL,
      reason text
    );
    -- Reservations of a domain that are not settled, the oldest first.
    CREATE INDEX reservation_pending ON inturn.reservation (domain, until, id)
    WHERE state IN ('open', 'burned');
    -- Reservations that have ended and are only remembered for a while.
    CREATE INDEX reservation_ended ON inturn.reservation (until) WHERE state IN ('used', 'published');
    -- Ids of messages that a source brought without numbers, with the numbers they got, oldest first.
    CREATE TABLE inturn.assigned (
      scope text COLLATE "C",
      place bigint,
      domain text COLLATE "C" NOT NULL,
      stream text COLLATE "C" NOT NULL,
      id text COLLATE "C" NOT NULL,
      sequence bigint NOT NULL,
      PRIMARY KEY (scope, place),
      UNIQUE (scope, domain, stream, id)
    );
  `,
]

/**
 * Whether the schema is up to date.
 *
 * @throws InturnError `store-schema-newer`; `config-invalid` for a database that cannot keep every text
 */
export async function isMigrated(statements: Statements): Promise<boolean> {
  const [row] = await statements.run(readEncodingSql)
  if (row?.['encoding'] === 'UTF8') return (await versionOf(statements)) === schemaSteps.length
  const message = `the database has the encoding ${String(row?.['encoding'])}, and inturn needs one with UTF8`
  throw new InturnError('config-invalid', message)
}

/** Brings the schema up to date, in the transaction that is open; others who do it too wait for it. */
export async function migrate(statements: Statements, schema: string): Promise<void> {
  await statements.run(lockMigrationSql, schema)
  const version = await versionOf(statements)
  if (version === 0) await statements.run(`CREATE SCHEMA IF NOT EXISTS ${schema}`)
  for (const sql of schemaSteps.slice(version)) await statements.run(sql)
  await statements.run(writeVersionSql, schemaSteps.length)
}

async function versionOf(statements: Statements): Promise<number> {
  const [found] = await statements.run(findMetaSql)
  if (found?.['is_there'] !== true) return 0
  const version = numberAt((await statements.run(readVersionSql))[0], 'value')
  if (version <= schemaSteps.length) return version
  const versions = `their version is ${version}, known is ${schemaSteps.length}`
  throw new InturnError('store-schema-newer', `the inturn tables are of a newer inturn: ${versions}`)
}

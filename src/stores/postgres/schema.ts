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
/**
 * Reads the catalogs, whose tables it locks for that: `to_regclass` alone may answer from a cache of before
 * the wait for the lock, and another process has made the tables meanwhile.
 */
const findMetaSql = `
  SELECT EXISTS (
    SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relname = 'meta' AND n.nspname || '.' = 'inturn.'
  ) AS is_there`
const readVersionSql = "SELECT value FROM inturn.meta WHERE key = 'schema'"
const writeVersionSql = /* sql */ `
  INSERT INTO inturn.meta (key, value) VALUES ('schema', $1)
  ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value
`
const readEncodingSql = "SELECT current_setting('server_encoding') AS encoding"

/** Tables of versions before this one are refused: no inturn that was released has made any. */
const firstVersion = 3

/** The first item leads from nothing to the first version, each further one to the next version. */
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
    -- Consumers. reading_ms is the reading clock.
    CREATE TABLE inturn.consumer (
      id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      name text COLLATE "C" NOT NULL UNIQUE,
      reading_ms double precision NOT NULL DEFAULT 0,
      beat_at double precision
    ) WITH (fillfactor = 50);
    -- Rises with every unit of work, and with every holder of a lease.
    CREATE SEQUENCE inturn.fence;
    -- What is counted of a domain; part is what the paths of its streams begin with.
    CREATE TABLE inturn.domain (
      consumer int,
      part text COLLATE "C",
      held bigint NOT NULL DEFAULT 0,
      handed_over bigint NOT NULL DEFAULT 0,
      paused boolean NOT NULL DEFAULT false,
      PRIMARY KEY (consumer, part)
    ) WITH (fillfactor = 50);
    -- What transactions add to these counts: rows of their own, so that none waits for another one. Folded
    -- into the counts from time to time.
    CREATE TABLE inturn.domain_count (
      consumer int NOT NULL,
      part text COLLATE "C" NOT NULL,
      held bigint NOT NULL,
      handed_over bigint NOT NULL
    );
    CREATE INDEX domain_count_consumer ON inturn.domain_count (consumer);
    -- Each source's own note of how far it was settled.
    CREATE TABLE inturn.checkpoint (
      consumer int,
      source text COLLATE "C",
      value text NOT NULL,
      PRIMARY KEY (consumer, source)
    ) WITH (fillfactor = 50);
    -- One row a stream and consumer. standing: 0 nothing, 1 waits, 2 its head failed, 3 halted. What changes
    -- with every position stands in no index, and pages have room, so that such a change touches no index.
    CREATE TABLE inturn.stream (
      consumer int,
      path text COLLATE "C",
      state bytea NOT NULL,
      deliveries bigint NOT NULL,
      changed_at double precision NOT NULL,
      fence bigint NOT NULL,
      standing smallint NOT NULL,
      due_at double precision,
      due_reading double precision,
      PRIMARY KEY (consumer, path)
    ) WITH (fillfactor = 45);
    -- The streams that wait for something.
    CREATE INDEX stream_standing ON inturn.stream (consumer, path) WHERE standing > 0;
    -- The streams that are due, by each of both clocks, the longest overdue first.
    CREATE INDEX stream_due_at ON inturn.stream (consumer, due_at) WHERE due_at IS NOT NULL;
    CREATE INDEX stream_due_reading ON inturn.stream (consumer, due_reading) WHERE due_reading IS NOT NULL;
    -- Claims with a time, while they last. since: a worker that has one for long is slow.
    CREATE TABLE inturn.claim (
      consumer int,
      path text COLLATE "C",
      worker text NOT NULL,
      fence bigint NOT NULL,
      until double precision NOT NULL,
      since double precision NOT NULL,
      PRIMARY KEY (consumer, path)
    ) WITH (fillfactor = 50);
    -- Held events. sequence is text that sorts like the number.
    CREATE TABLE inturn.held (
      consumer int,
      path text COLLATE "C",
      epoch bigint,
      sequence text COLLATE "C",
      event text NOT NULL,
      print bigint NOT NULL,
      held_at double precision NOT NULL,
      PRIMARY KEY (consumer, path, epoch, sequence)
    );
    -- How much inboxes have. Whoever hands over adds a row, and waits for nobody; whoever has the stream
    -- folds its rows into one. newest is the last arrival id, seen the last one that was looked at.
    CREATE TABLE inturn.inbox (
      consumer int NOT NULL,
      path text COLLATE "C" NOT NULL,
      arrivals bigint NOT NULL,
      redrives bigint NOT NULL,
      newest bigint NOT NULL,
      seen bigint NOT NULL
    );
    CREATE INDEX inbox_path ON inturn.inbox (consumer, path);
    -- The inboxes for which their streams are due at once.
    CREATE INDEX inbox_due ON inturn.inbox (consumer, path) WHERE newest > seen OR redrives > 0;
    -- Entries of inboxes, numbered in the order in which they arrived, which within a consumer is that of
    -- their commits. number is text that sorts like the number on the wire.
    CREATE TABLE inturn.inbox_entry (
      arrival_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      consumer int NOT NULL,
      path text COLLATE "C" NOT NULL,
      redrive boolean NOT NULL,
      epoch bigint NOT NULL,
      number text COLLATE "C" NOT NULL,
      entry text NOT NULL
    );
    CREATE INDEX inbox_entry_place
    ON inturn.inbox_entry (consumer, path, redrive, epoch, number, arrival_id);
    -- Dead letters, in the order in which they were kept. letter is the whole of it; the other columns find
    -- it.
    CREATE TABLE inturn.dead_letter (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      consumer int NOT NULL,
      key text COLLATE "C" NOT NULL,
      reason text NOT NULL,
      path text COLLATE "C",
      letter text NOT NULL,
      UNIQUE (consumer, key)
    );
    CREATE INDEX dead_letter_path ON inturn.dead_letter (consumer, path, id);
    -- The ledger, in the order in which it was written.
    CREATE TABLE inturn.ledger (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      consumer int NOT NULL,
      path text COLLATE "C",
      entry text NOT NULL
    );
    CREATE INDEX ledger_path ON inturn.ledger (consumer, path, id);
    -- How many ids of a domain without tracking were processed.
    CREATE TABLE inturn.id_window (
      consumer int,
      domain text COLLATE "C",
      processed bigint NOT NULL,
      PRIMARY KEY (consumer, domain)
    ) WITH (fillfactor = 50);
    -- These ids, while their window lasts; place rises within a domain.
    CREATE TABLE inturn.processed_id (
      consumer int,
      domain text COLLATE "C",
      id text COLLATE "C",
      place bigint NOT NULL,
      until double precision NOT NULL,
      PRIMARY KEY (consumer, domain, id)
    );
    CREATE INDEX processed_id_place ON inturn.processed_id (consumer, domain, place);
    -- Leases, while they last. lasting: the end is kept for good.
    CREATE TABLE inturn.lease (
      name text COLLATE "C" PRIMARY KEY,
      holder text NOT NULL,
      fence bigint NOT NULL,
      until double precision NOT NULL,
      lasting boolean NOT NULL
    ) WITH (fillfactor = 50);
    -- Workers that have not left, and when each said last that it was reading: who falls silent has died.
    CREATE TABLE inturn.worker (
      consumer int,
      name text COLLATE "C",
      beat_at double precision NOT NULL,
      PRIMARY KEY (consumer, name)
    ) WITH (fillfactor = 50);
    -- The number of a stream's advisory lock. Locks are numbers of the whole database, so the table's own
    -- number tells those of one schema from another's.
    CREATE FUNCTION inturn.lock_of(consumer int, path text) RETURNS bigint LANGUAGE sql STABLE AS $$
      SELECT hashtextextended(consumer || ' ' || path, 'inturn.claim'::regclass::oid::bigint)
    $$;
    -- Begins a unit of work: claims streams, and tells what there is of those that were won. outcomes has a
    -- letter for each: won, taken from a claim that had expired, busy. First the locks are tried; what
    -- others have committed is looked at by later statements, which see all that was there when the locks
    -- were won. In a transaction of the unit's own the locks are the claim, and last as long as it does: a
    -- process that stands still for longer than claim_ms loses it. Every plan uses the indexes, however
    -- small a table was when the plan was made: it stays for as long as the connection, and is made once,
    -- also where it is for a few streams.
    CREATE FUNCTION inturn.begin_unit(
      consumer int, paths text[], worker text, claim_ms double precision, is_transaction boolean,
      shift_ms double precision,
      OUT fence bigint, OUT now_ms double precision, OUT reading_ms double precision, OUT xact text,
      OUT outcomes text, OUT lengths text, OUT states bytea, OUT inboxes text, OUT domains text
    ) LANGUAGE plpgsql
    SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan AS $$
    #variable_conflict use_column
    DECLARE
      outcome text[];
    BEGIN
      IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'streams are claimed under READ COMMITTED only';
      END IF;
      IF is_transaction THEN
        PERFORM set_config('idle_in_transaction_session_timeout', ceil(claim_ms)::text, true);
      END IF;
      outcome := ARRAY(
        SELECT CASE
          WHEN pg_try_advisory_xact_lock(inturn.lock_of(begin_unit.consumer, asked.path)) THEN 'w'
          ELSE 'b' END
        FROM unnest(paths) WITH ORDINALITY AS asked (path, nth) ORDER BY nth
      );
      fence := nextval('inturn.fence');
      now_ms := floor(extract(epoch FROM clock_timestamp()) * 1000) + shift_ms;
      xact := pg_current_xact_id()::text;
      IF EXISTS (SELECT FROM inturn.claim AS c WHERE c.consumer = begin_unit.consumer) THEN
        WITH gone AS (
          DELETE FROM inturn.claim AS c
          WHERE c.consumer = begin_unit.consumer AND c.path IN (
            SELECT expired.path FROM inturn.claim AS expired
            JOIN unnest(paths, outcome) AS asked (path, outcome) ON asked.path = expired.path
            WHERE expired.consumer = begin_unit.consumer AND asked.outcome = 'w' AND expired.until <= now_ms
            ORDER BY expired.path FOR UPDATE OF expired
          ) RETURNING c.path
        )
        SELECT array_agg(CASE WHEN gone.path IS NOT NULL THEN 't' ELSE asked.outcome END ORDER BY nth)
        INTO outcome
        FROM unnest(paths, outcome) WITH ORDINALITY AS asked (path, outcome, nth)
        LEFT JOIN gone ON gone.path = asked.path;
        outcome := ARRAY(
          SELECT CASE WHEN asked.outcome = 'w' AND EXISTS (
            SELECT FROM inturn.claim AS c WHERE c.consumer = begin_unit.consumer AND c.path = asked.path
          ) THEN 'b' ELSE asked.outcome END
          FROM unnest(paths, outcome) WITH ORDINALITY AS asked (path, outcome, nth) ORDER BY nth
        );
      END IF;
      IF NOT is_transaction THEN
        INSERT INTO inturn.claim (consumer, path, worker, fence, until, since)
        SELECT begin_unit.consumer, asked.path, begin_unit.worker, begin_unit.fence, now_ms + claim_ms, now_ms
        FROM unnest(paths, outcome) AS asked (path, outcome) WHERE asked.outcome <> 'b';
      END IF;
      SELECT string_agg(coalesce(length(own.state), 0)::text, ','), string_agg(own.state, '')
      INTO lengths, states
      FROM (
        SELECT s.state FROM unnest(paths, outcome) WITH ORDINALITY AS asked (path, outcome, nth)
        LEFT JOIN LATERAL (
          SELECT s.state FROM inturn.stream AS s
          WHERE s.consumer = begin_unit.consumer AND s.path = asked.path LIMIT 1
        ) AS s ON asked.outcome <> 'b'
        ORDER BY nth
      ) AS own;
      outcomes := array_to_string(outcome, '');
      IF EXISTS (SELECT FROM inturn.inbox AS i WHERE i.consumer = begin_unit.consumer) THEN
        SELECT json_agg(i)::text INTO inboxes FROM (
          SELECT i.path, sum(i.arrivals) AS arrivals, sum(i.redrives) AS redrives, max(i.newest) AS newest
          FROM inturn.inbox AS i WHERE i.consumer = begin_unit.consumer AND i.path = ANY (paths)
          GROUP BY i.path
        ) AS i;
      END IF;
      SELECT json_agg(counted)::text INTO domains
      FROM inturn.count_domains(begin_unit.consumer) AS counted;
      SELECT c.reading_ms INTO reading_ms FROM inturn.consumer AS c WHERE c.id = begin_unit.consumer;
    END $$;
    -- What is counted of each domain of a consumer, and how many rows that are not folded yet.
    CREATE FUNCTION inturn.count_domains(consumer int)
    RETURNS TABLE (part text, held bigint, handed_over bigint, paused boolean, loose bigint)
    LANGUAGE sql STABLE AS $$
      SELECT part, sum(held)::bigint, sum(handed_over)::bigint, bool_or(paused),
        count(*) FILTER (WHERE is_loose)
      FROM (
        SELECT d.part, d.held, d.handed_over, d.paused, false AS is_loose
        FROM inturn.domain AS d WHERE d.consumer = $1
        UNION ALL
        SELECT c.part, c.held, c.handed_over, false, true FROM inturn.domain_count AS c WHERE c.consumer = $1
      ) AS counted
      GROUP BY part
    $$;
    -- Fails unless the transaction is still the one that the unit of work has begun.
    CREATE FUNCTION inturn.check_transaction(xact text) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      IF pg_current_xact_id()::text <> xact THEN
        RAISE EXCEPTION 'the transaction of the unit of work has been ended' USING ERRCODE = 'INT01';
      END IF;
    END $$;
  `,
]

const schemaVersion = firstVersion + schemaSteps.length - 1

/**
 * Whether the schema is up to date.
 *
 * @throws InturnError `store-schema-newer`, `store-schema-older`; `config-invalid` for a database that cannot
 * keep every text
 */
export async function isMigrated(statements: Statements): Promise<boolean> {
  const [row] = await statements.run(readEncodingSql)
  if (row?.['encoding'] === 'UTF8') return (await versionOf(statements)) === schemaVersion
  const message = `the database has the encoding ${String(row?.['encoding'])}, and inturn needs one with UTF8`
  throw new InturnError('config-invalid', message)
}

/** Brings the schema up to date, in the transaction that is open; others who do it too wait for it. */
export async function migrate(statements: Statements, schema: string): Promise<void> {
  await statements.run(lockMigrationSql, schema)
  const version = await versionOf(statements)
  if (version === 0) await statements.run(createSchemaSql(schema))
  for (const sql of schemaSteps.slice(version === 0 ? 0 : version - firstVersion + 1))
    await statements.run(sql)
  await statements.run(writeVersionSql, schemaVersion)
}

/** All of it as one script, which changes nothing where there are tables already. */
export function migrationSql(schema: string): string {
  const literal = `'${schema}'`
  const text = [
    'BEGIN;',
    `${lockMigrationSql.replace('$1', literal)};`,
    `${createSchemaSql(schema)};`,
    ...schemaSteps.map((sql) => sql.replaceAll(/^ {4}/gm, '').trim()),
    `${writeVersionSql.replace('$1', String(schemaVersion)).replaceAll(/^ {2}/gm, '').trim()};`,
    'COMMIT;',
  ].join('\n')
  return inSchema(text, schema)
}

/** Whoever has been given a schema may have no right to make one, which even `IF NOT EXISTS` asks for. */
function createSchemaSql(schema: string): string {
  const isMissing = `to_regnamespace('${schema}') IS NULL`
  return `DO $$ BEGIN IF ${isMissing} THEN CREATE SCHEMA IF NOT EXISTS ${schema}; END IF; END $$`
}

/** A statement of inturn's own, for tables in a schema of this name. */
export function inSchema(sql: string, schema: string): string {
  return sql.replaceAll(/\binturn\./g, `${schema}.`)
}

async function versionOf(statements: Statements): Promise<number> {
  const [found] = await statements.run(findMetaSql)
  if (found?.['is_there'] !== true) return 0
  const version = numberAt((await statements.run(readVersionSql))[0], 'value')
  const versions = `their version is ${version}, known is ${schemaVersion}`
  if (version > schemaVersion) {
    throw new InturnError('store-schema-newer', `the inturn tables are of a newer inturn: ${versions}`)
  }
  if (version >= firstVersion) return version
  const remedy = 'drop their schema, and begin with a new one'
  throw new InturnError(
    'store-schema-older',
    `the inturn tables are of an older inturn: ${versions}; ${remedy}`,
  )
}

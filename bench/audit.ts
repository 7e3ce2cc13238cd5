// `inturn audit` beside what a user would take instead, over one recorded log of 470 MB: a columnar SQL
// engine that answers the same questions on all processors, and a loop over lines with JSON.parse that
// answers fewer.
import { createReadStream, statSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { DuckDBInstance } from '@duckdb/node-api'
import { auditLog } from '../src/recorded/audit-log.ts'
import type { AuditReport } from '../src/recorded/audit-report.ts'
import type { RecordedFields } from '../src/recorded/recorded-fields.ts'
import { measure, report } from './measure.ts'
import type { Contender } from './measure.ts'
import { recordedLog } from './recorded-log.ts'

/** What every contender must find alike. */
type Findings = Pick<AuditReport, 'events' | 'unique' | 'duplicates' | 'missing' | 'outOfOrder'>

const path = recordedLog()
const fields: RecordedFields = { stream: ['stream'], sequence: 'sequence', numbering: 'contiguous' }
const found = new Map<string, Findings>()

function note(name: string, findings: Findings): number {
  const { events, unique, duplicates, missing, outOfOrder } = findings
  found.set(name, { events, unique, duplicates, missing, outOfOrder })
  return events
}

const firsts = `
  WITH firsts AS (
    SELECT stream, sequence, min(line) AS line, count(*) AS copies FROM log GROUP BY stream, sequence
  )`
const questions = `${firsts}, placed AS (
    SELECT *, max(sequence) OVER (PARTITION BY stream ORDER BY line) AS high,
      lag(sequence) OVER (PARTITION BY stream ORDER BY sequence) AS below
    FROM firsts
  )
  SELECT sum(copies) AS events, count(*) AS "unique", sum(copies - 1) AS duplicates,
    sum(coalesce(sequence - below - 1, 0)) AS missing, count(*) FILTER (sequence < high) AS "outOfOrder"
  FROM placed`
const gapList = `${firsts}, placed AS (
    SELECT stream, sequence, lag(sequence) OVER (PARTITION BY stream ORDER BY sequence) AS below FROM firsts
  )
  SELECT stream, below + 1, sequence - 1 FROM placed
  WHERE sequence > below + 1 ORDER BY stream, below LIMIT 1000`

/** DuckDB with its own reader, told the two columns. */
async function duckDb(): Promise<number> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  const columns = "columns = { stream: 'VARCHAR', sequence: 'BIGINT' }"
  await connection.run(
    `CREATE TABLE log AS SELECT *, row_number() OVER () AS line FROM read_ndjson('${path}', ${columns})`,
  )
  const [row = {}] = (await connection.runAndReadAll(questions)).getRowObjects()
  await connection.runAndReadAll(gapList)
  const figure = (key: keyof Findings): number => Number(row[key])
  return note('DuckDB', {
    events: figure('events'),
    unique: figure('unique'),
    duplicates: figure('duplicates'),
    missing: figure('missing'),
    outOfOrder: figure('outOfOrder'),
  })
}

/** Lines, JSON.parse and a Map of sets: no gaps found before the end, no ids, no line numbers. */
async function parseLines(): Promise<number> {
  const streams = new Map<string, { readonly seen: Set<number>; low: number; high: number }>()
  const sums = { events: 0, unique: 0, duplicates: 0, missing: 0, outOfOrder: 0 }
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the log is the bench's own
    const { stream, sequence } = JSON.parse(line) as { stream: string; sequence: number }
    sums.events++
    const known = streams.get(stream)
    if (known === undefined) streams.set(stream, { seen: new Set([sequence]), low: sequence, high: sequence })
    else if (known.seen.has(sequence)) sums.duplicates++
    else {
      known.seen.add(sequence)
      if (sequence < known.high) sums.outOfOrder++
      known.low = Math.min(known.low, sequence)
      known.high = Math.max(known.high, sequence)
    }
  }
  for (const { seen, low, high } of streams.values()) {
    sums.unique += seen.size
    sums.missing += high - low + 1 - seen.size
  }
  return note('readline and JSON.parse', sums)
}

async function inturn(name: string, more: Partial<RecordedFields>): Promise<number> {
  return note(name, await auditLog(path, { fields: { ...fields, ...more } }))
}

const contenders: Contender[] = [
  { name: 'DuckDB', run: duckDb },
  { name: 'readline and JSON.parse', run: parseLines },
  { name: 'inturn audit', run: () => inturn('inturn audit', {}) },
  { name: 'inturn audit --id id', run: () => inturn('inturn audit --id id', { id: 'id' }) },
]
const mebibytes = Math.round(statSync(path).size / 1024 / 1024)
report(`audit: ${mebibytes} MiB of NDJSON, 3 million lines, 100,000 streams`, await measure(contenders, 2))
const [first, ...others] = [...found.values()].map((findings) => JSON.stringify(findings))
console.log(others.every((other) => other === first) ? `all found ${first}` : 'THEY FOUND DIFFERENT THINGS')
if (!others.every((other) => other === first)) process.exitCode = 1

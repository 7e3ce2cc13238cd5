// How many functions of inturn an event calls, and in how many files: counted by V8 over the compiled
// package, so that the figures do not depend on the machine's mood. They say what an event passes through;
// what that costs is for the other benches.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import type * as inturn from '../src/index.ts'
import type * as redis from '../src/stores/redis.ts'
import type * as sqlite from '../src/stores/sqlite.ts'
import { startRedis } from '../test/services/redis-server.ts'

const rounds = 10
const roundsBefore = 10
const dist = new URL('../dist/', import.meta.url).href
const journal = 'CREATE TABLE journal (stream TEXT, sequence INTEGER, amount INTEGER)'
const insert = 'INSERT INTO journal (stream, sequence, amount) VALUES (?, ?, ?)'

/** Events that come to a processor together, and over how many streams they go. */
interface Batch {
  readonly events: number
  readonly streams: number
}

/** What was counted while a processor worked. */
interface Counts {
  readonly calls: number
  readonly files: number
}

execFileSync(process.execPath, [fileURLToPath(new URL('../scripts/build.ts', import.meta.url))])

// What is inlined is not counted: nothing may be optimized.
for (const flag of ['--no-opt', '--no-maglev']) setFlagsFromString(flag)
const session = new Session()
session.connect()
await session.post('Profiler.enable')
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- compiled from the module of the type
const { contiguous, createProcessor } = (await import(`${dist}index.js`)) as typeof inturn
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- compiled from the module of the type
const { redisStore } = (await import(`${dist}stores/redis.js`)) as typeof redis
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- compiled from the module of the type
const { sqliteStore } = (await import(`${dist}stores/sqlite.js`)) as typeof sqlite

/** What the package has called since this was asked last. */
const log = new Map<string, number>()
async function countsSinceLast(): Promise<Counts> {
  const { result } = await session.post('Profiler.takePreciseCoverage')
  let calls = 0
  let files = 0
  for (const { url, functions } of result) {
    if (!url.startsWith(dist)) continue
    for (const f of functions) { const c = f.ranges[0]?.count ?? 0; if (c > 0) log.set(url.slice(dist.length) + " " + f.functionName, (log.get(url.slice(dist.length) + " " + f.functionName) ?? 0) + c) }
    const inFile = functions.reduce((sum, { ranges }) => sum + (ranges[0]?.count ?? 0), 0)
    calls += inFile
    if (inFile > 0) files++
  }
  return { calls, files }
}

function eventsOf({ events, streams }: Batch, round: number): readonly object[] {
  return Array.from({ length: events }, (_, index) => {
    const number = round * events + index
    const sequence = Math.floor(number / streams) + 1
    return {
      stream: `account-${number % streams}`,
      sequence,
      id: `event-${number}`,
      data: { amount: number },
    }
  })
}

/** A processor's counts over some rounds, once everything in it has run before. */
async function measured(processor: inturn.Processor, batch: Batch): Promise<Counts> {
  for (let round = 0; round < roundsBefore; round++) await processor.process(eventsOf(batch, round))
  const rest = Array.from({ length: rounds }, (_, round) => eventsOf(batch, roundsBefore + round))
  await countsSinceLast(); log.clear()
  for (const events of rest) await processor.process(events)
  const counts = await countsSinceLast()
  await processor.close()
  for (const [k, v] of [...log].sort((a, b) => b[1] - a[1]).slice(0, 75)) console.log((v / (rounds * batch.events)).toFixed(2).padStart(7), k)
  return { ...counts, calls: counts.calls / (rounds * batch.events) }
}

async function onSqlite(batch: Batch): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), 'inturn-bench-'))
  try {
    const path = join(folder, 'bench.db')
    const database = new DatabaseSync(path)
    database.exec(journal)
    database.close()
    const processor = createProcessor({
      consumer: 'bench',
      store: sqliteStore(path),
      batch: batch.events,
      domains: {
        account: {
          numbering: contiguous(),
          effects: 'transaction',
          handle: ({ stream, sequence }, { transaction }) => {
            transaction.run(insert, stream, Number(sequence), 1)
          },
        },
      },
    })
    return await measured(processor, batch)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function onRedis(url: string, batch: Batch): Promise<Counts> {
  const processor = createProcessor({
    consumer: 'bench',
    store: redisStore(url, { prefix: `bench-${batch.events}` }),
    batch: batch.events,
    domains: { account: { numbering: contiguous(), effects: 'external', handle: () => undefined } },
  })
  return measured(processor, batch)
}

function row(name: string, sqlite: string, redis: string): string {
  return `  ${name.padEnd(34)} ${sqlite.padStart(22)} ${redis.padStart(22)}`
}

function cell({ calls, files }: Counts): string {
  return `${calls.toFixed(1)} in ${files} files`
}

const server = await startRedis(['--appendfsync', 'everysec'])
try {
  console.log('Calls of functions an event, warm')
  console.log(row('', 'SQLite, transaction', 'Redis, external'))
  for (const batch of [
    { events: 1, streams: 1 },
    { events: 500, streams: 100 },
  ]) {
    const { events, streams } = batch
    const name = events === 1 ? 'one event in turn' : `${events} events over ${streams} streams`
    console.log(row(name, cell(await onSqlite(batch)), cell(await onRedis(server.url, batch))))
  }
} finally {
  await server.stop()
}

// Ten million events once: 100,000 users' clicks over 24 partitions, one in a hundred sent twice, read by two
// workers into Postgres, of which one is killed each two minutes while another comes. Says how long it took,
// what it cost in memory, processor time and room, and whether each event is there once and in its order.
// Takes some minutes: `npm run bench -- kafka-long`, and for fewer events `node bench/kafka-long.ts 1000000`.
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Producer } from '@platformatic/kafka'
import { Client } from 'pg'
import { startKafka } from '../test/services/kafka-server.ts'
import { makeTopic } from '../test/services/kafka-topic.ts'
import { startPostgres } from '../test/services/postgres-server.ts'

const [partitions, topic, aSend, copyEvery] = [24, 'clicks', 5_000, 100]
const events = Number(process.argv[2] ?? 10_000_000)
const streams = events / 100
const [killEveryMs, workersMax] = [120_000, 2]

const settings = ['autovacuum=on', 'max_wal_size=4GB', 'shared_buffers=512MB'].flatMap((set) => ['-c', set])
const [kafka, postgres] = await Promise.all([startKafka(), startPostgres(settings)])
const client = new Client({ connectionString: postgres.url })

/** Streams stay in their partitions, as keys do. */
async function fill(): Promise<number> {
  await makeTopic([kafka.broker], topic, { partitions })
  const producer = new Producer({ clientId: 'bench', bootstrapBrokers: [kafka.broker] })
  let sent = 0
  for (let from = 0; from < events; from += aSend) {
    const messages = Array.from({ length: Math.min(aSend, events - from) }, (_, index) => {
      const at = from + index
      const [user, sequence] = [at % streams, Math.floor(at / streams) + 1]
      const click = {
        stream: `user-${user}`,
        sequence,
        id: `click-${at}`,
        type: 'click',
        data: { amount: at },
      }
      return { topic, partition: user % partitions, value: Buffer.from(JSON.stringify(click)) }
    })
    const all = messages.concat(messages.filter((_, index) => index % copyEvery === 0))
    await producer.send({ messages: all })
    sent += all.length
  }
  await producer.close()
  return sent
}

interface RunningWorker {
  readonly process: ChildProcess
  /** As far as it was looked at. */
  cpuMs: number
  rssMaxMiB: number
}

const workers = new Set<RunningWorker>()
const ended: RunningWorker[] = []

function startWorker(): void {
  const path = fileURLToPath(new URL('kafka/long-worker.ts', import.meta.url))
  const args = [path, postgres.url, kafka.broker, topic]
  const worker = { process: spawn(process.execPath, args, { stdio: 'inherit' }), cpuMs: 0, rssMaxMiB: 0 }
  workers.add(worker)
}

async function endWorker(worker: RunningWorker, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  workers.delete(worker)
  ended.push(worker)
  worker.process.kill(signal)
  if (worker.process.exitCode === null) await once(worker.process, 'exit')
}

/** Processor time of a process and of its children that have ended, and what it has in memory. */
function lookAt(pid: number): { readonly cpuMs: number; readonly rssMiB: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0)
  return { cpuMs: ticks * 10, rssMiB: Number(fields[21]) / 256 }
}

function lookAtWorkers(): void {
  for (const worker of workers) {
    const { pid } = worker.process
    if (pid === undefined || worker.process.exitCode !== null) throw new Error('a worker has ended by itself')
    const { cpuMs, rssMiB } = lookAt(pid)
    worker.cpuMs = cpuMs
    worker.rssMaxMiB = Math.max(worker.rssMaxMiB, rssMiB)
  }
}

async function count(sql: string): Promise<number> {
  const { rows } = await client.query<{ count: string }>(sql)
  return Number(rows[0]?.count)
}

/** Rows so far, without counting them: places are given out in order, some of them for nothing. */
const reached = (): Promise<number> => count('SELECT last_value AS count FROM journal_place_seq')

function line(name: string, value: string): void {
  console.log(`  ${name.padEnd(34)} ${value}`)
}

function bytesIn(folder: string): number {
  const names = readdirSync(folder, { encoding: 'utf8', recursive: true })
  // What a file takes on its disk: those of an index are mostly holes.
  return names.reduce((sum, name) => sum + statSync(join(folder, name)).blocks * 512, 0)
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`
}

try {
  await client.connect()
  await client.query(`CREATE TABLE journal
    (place bigint GENERATED ALWAYS AS IDENTITY, stream text, sequence bigint, amount bigint)`)
  const fillBegan = performance.now()
  const sent = await fill()
  console.log(
    `${events.toLocaleString('en')} events of ${streams.toLocaleString('en')} streams, Kafka to Postgres`,
  )
  line('sent, with copies', `${sent.toLocaleString('en')} in ${seconds(performance.now() - fillBegan)}`)
  const began = performance.now()
  const kafkaBefore = lookAt(kafka.pid).cpuMs
  for (let started = 0; started < workersMax; started++) startWorker()
  let [killedAt, kills] = [began, 0]
  for (;;) {
    await sleep(1_000)
    lookAtWorkers()
    if ((await reached()) >= events && (await count('SELECT count(*) FROM journal')) >= events) break
    if (performance.now() - killedAt < killEveryMs) continue
    const [oldest] = workers
    if (oldest !== undefined) await endWorker(oldest, 'SIGKILL')
    startWorker()
    killedAt = performance.now()
    kills++
  }
  const tookMs = performance.now() - began
  for (const worker of workers) await endWorker(worker, 'SIGTERM')
  const workersMs = ended.reduce((sum, { cpuMs }) => sum + cpuMs, 0)
  line('handled', `${seconds(tookMs)}, ${Math.round(events / (tookMs / 1_000)).toLocaleString('en')}/s`)
  line('workers killed', String(kills))
  line('processor time of the workers', `${((workersMs / events) * 1_000).toFixed(1)} us an event`)
  line(
    'of the broker',
    `${(((lookAt(kafka.pid).cpuMs - kafkaBefore) / events) * 1_000).toFixed(1)} us an event`,
  )
  line('memory of a worker at most', `${Math.round(Math.max(...ended.map((one) => one.rssMaxMiB)))} MiB`)
  const rows = await count('SELECT count(*) FROM journal')
  const astray = await count(`SELECT count(*) FROM
    (SELECT sequence, row_number() OVER (PARTITION BY stream ORDER BY place) AS nth FROM journal) AS numbered
    WHERE sequence <> nth`)
  line('rows, out of order or twice', `${rows.toLocaleString('en')}, ${astray}`)
  const mib = async (sql: string): Promise<string> => `${Math.round((await count(sql)) / 2 ** 20)} MiB`
  line(
    'what inturn keeps',
    await mib(`SELECT sum(pg_total_relation_size(c.oid)) AS count FROM pg_class c
    JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'inturn' AND relkind = 'r'`),
  )
  line('the rows', await mib("SELECT pg_total_relation_size('journal') AS count"))
  line('the topic', `${Math.round(bytesIn(kafka.logs) / 2 ** 20)} MiB`)
  if (rows !== events || astray !== 0) process.exitCode = 1
} finally {
  for (const worker of workers) await endWorker(worker, 'SIGKILL')
  await client.end()
  await Promise.all([kafka.stop(), postgres.stop()])
}

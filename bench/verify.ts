// A verification of many streams, a tenth of them behind a gap: streams a second, with ten times as many
// streams beside it. Both rates are the same where each list is read once; where one is read for every stream
// the greater store is slower by far, which ends the bench with exit code 1. Sizes may be given instead.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { contiguous, createProcessor } from '../src/index.ts'
import { verifyConsumer } from '../src/operate/index.ts'
import type { Store } from '../src/ports/store.ts'
import { redisStore } from '../src/stores/redis.ts'
import { sqliteStore } from '../src/stores/sqlite.ts'
import { startRedis } from '../test/services/redis-server.ts'
import { report } from './measure.ts'

const consumer = 'bench'
const batch = 500
/** A greater store may be slower by so much: its indexes are deeper, and less of it is in caches. */
const slowerMax = 2.5

const [small = 100_000, great = small * 10] = process.argv.slice(2).map(Number)

/** Delivers one event in each stream, and another one, beyond a gap, in a tenth of them. */
async function fill(store: Store, streams: number): Promise<void> {
  const processor = createProcessor({
    consumer,
    store,
    batch,
    domains: { account: { numbering: contiguous(), effects: 'external', handle: () => undefined } },
  })
  for (let from = 0; from < streams; from += batch) {
    const names = Array.from({ length: Math.min(batch, streams - from) }, (_, at) => from + at)
    await processor.process(
      names.flatMap((name) => {
        const numbers = name % 10 === 0 ? [1, 3] : [1]
        return numbers.map((sequence) => ({ stream: `account-${name}`, sequence, data: { name } }))
      }),
    )
  }
}

/** Streams a second. */
async function verifyRate(store: Store, streams: number): Promise<number> {
  await store.open()
  await fill(store, streams)
  const started = performance.now()
  const result = await verifyConsumer({ reader: store.reader, consumer }, new Map())
  const seconds = (performance.now() - started) / 1_000
  if (!result.isBalanced || result.streams !== streams || result.held !== Math.ceil(streams / 10)) {
    throw new Error(`the verification of ${streams} streams came to ${JSON.stringify(result).slice(0, 500)}`)
  }
  return streams / seconds
}

function tell(name: string, rates: readonly [small: number, great: number]): void {
  const [first, second] = rates
  const named = [small, great].map((streams) => `${streams.toLocaleString('en')} streams`)
  report(`Verify on ${name}, one stream in ten behind a gap`, [
    { name: named[0] ?? '', perSecond: first },
    { name: named[1] ?? '', perSecond: second },
  ])
  if (second * slowerMax >= first) return
  console.error(`${name}: the time for a stream grows with their number`)
  process.exitCode = 1
}

const folder = mkdtempSync(join(tmpdir(), 'inturn-bench-'))
const ofSqlite = async (streams: number): Promise<number> => {
  const store = sqliteStore(join(folder, `${streams}.db`), { synchronous: 'normal' })
  try {
    return await verifyRate(store, streams)
  } finally {
    await store.close()
  }
}
try {
  tell('SQLite', [await ofSqlite(small), await ofSqlite(great)])
} finally {
  rmSync(folder, { recursive: true })
}

const server = await startRedis()
const ofRedis = async (streams: number): Promise<number> => {
  const store = redisStore(server.url, { prefix: `bench-${streams}`, onWarning: () => undefined })
  try {
    return await verifyRate(store, streams)
  } finally {
    await store.close()
  }
}
try {
  tell('Redis', [await ofRedis(small), await ofRedis(great)])
} finally {
  await server.stop()
}

// inturn on a Redis server of its own, beside the bare limit, which is one script a shard that compares and
// sets the positions of a batch and nothing else, and beside the queues that a user would take instead. Each
// runs in processes of its own, whose start and preparations do not count, with a handler that does nothing.
import { startRedis } from '../test/services/redis-server.ts'
import type { Contender } from './measure.ts'
import { measure, report } from './measure.ts'
import { bareMoves } from './redis/bare-script.ts'
import type { Pace } from './redis/paced.ts'
import { paced } from './redis/paced.ts'
import { runProcesses } from './redis/run-processes.ts'
import type { BenchEvent } from './redis/share.ts'
import { streamMemory } from './redis/stream-memory.ts'
import { benchProcessor } from './redis/with-inturn.ts'

const batch = 500
const many = 10_000
const server = await startRedis(['--appendfsync', 'everysec'])
const { url } = server

/** A contender in so many processes. */
function inProcesses(
  name: string,
  contender: string,
  work: Record<'events' | 'streams' | 'parts', number>,
): Contender {
  return {
    name,
    run: async () => ({ events: work.events, ms: await runProcesses(contender, { url, batch, ...work }) }),
  }
}

function contenders(streams: number, parts: number): readonly Contender[] {
  const isHot = streams === 1
  // Long enough that a process which has just started is a small part of it.
  const fast = { events: isHot ? 1_000_000 : 300_000, streams, parts }
  const slow = { events: 20_000, streams, parts }
  return [
    inProcesses('bare script', 'bare-script', fast),
    inProcesses('inturn worker', 'inturn', fast),
    inProcesses('GroupMQ, 64 at once', 'group-mq', slow),
    inProcesses(isHot ? 'BullMQ, one at a time' : 'BullMQ, 64 at once, no order', 'bull-mq', slow),
  ]
}

/** How long each of events takes that come one by one at a pace; their streams are known. */
async function tellLatencies(name: string, send: (event: BenchEvent) => Promise<unknown>): Promise<void> {
  const warmUp: Pace = { perSecond: 1_000, seconds: 10, streams: many }
  await paced(send, warmUp, 0)
  let passed = warmUp.perSecond * warmUp.seconds
  for (const perSecond of [1_000, 10_000]) {
    const { p50, p99, reached } = await paced(send, { perSecond, seconds: 2, streams: many }, passed)
    passed += perSecond * 2
    const figures = `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, reached ${Math.round(reached)}/s`
    console.log(`  ${name} at ${perSecond}/s: ${figures}`)
  }
}

async function latencies(): Promise<void> {
  console.log(`Redis, one event a call, up to 1,000 calls under way, ${many} streams`)
  const { move, close } = await bareMoves(url)
  await tellLatencies('bare script', (event) => move([event]))
  close()
  const processor = benchProcessor(url, batch)
  await tellLatencies('inturn processor', (event) => processor.process([event]))
  await processor.close()
}

try {
  for (const [streams, parts] of [
    [many, 1],
    [many, 2],
    [1, 1],
  ] as const) {
    const of = streams === 1 ? 'one hot stream' : `${streams} streams`
    const rates = await measure(contenders(streams, parts), 2)
    report(`Redis, ${of}, batch ${batch}, ${parts} ${parts === 1 ? 'process' : 'processes'}`, rates)
  }
  await latencies()
  const bytes = await streamMemory(url, 100_000)
  console.log(`Redis, memory of a stream beyond its name, 100,000 streams: ${bytes.toFixed(1)} bytes`)
} finally {
  await server.stop()
}
process.exit()

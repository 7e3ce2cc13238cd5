// The engine with nothing behind it: a worker over the memory store and a memory source, with a handler that
// does nothing. Beside it a loop that parses the messages and keeps the last number of each stream in a Map.
// What fills the source and ends the worker is left out.
import { contiguous, createWorker } from '../src/index.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { memorySource } from '../src/transports/memory.ts'
import type { MeasuredWork } from './measure.ts'
import { measure, report } from './measure.ts'

const count = 200_000

function messagesOf(streams: number): readonly string[] {
  return Array.from({ length: count }, (_, index) =>
    JSON.stringify({
      stream: `account-${index % streams}`,
      sequence: Math.floor(index / streams) + 1,
      id: `event-${index}`,
      data: { amount: index },
    }),
  )
}

function mapLoop(messages: readonly string[]): number {
  const last = new Map<string, number>()
  let delivered = 0
  for (const message of messages) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the messages are the bench's own
    const { stream, sequence } = JSON.parse(message) as { stream: string; sequence: number }
    if (sequence !== (last.get(stream) ?? 0) + 1) continue
    last.set(stream, sequence)
    delivered++
  }
  return delivered
}

async function withInturn(messages: readonly string[]): Promise<MeasuredWork> {
  let delivered = 0
  let ended = NaN
  const source = memorySource({ keptMax: count })
  await source.push(messages)
  const handle = (): void => {
    if (++delivered === count) ended = performance.now()
  }
  const worker = createWorker({
    consumer: 'bench',
    store: memoryStore(),
    source,
    domains: { account: { numbering: contiguous(), effects: 'external', handle } },
  })
  const begun = performance.now()
  await worker.run({ until: 'caught-up' })
  return { events: delivered, ms: ended - begun }
}

for (const streams of [1, 100, 10_000]) {
  const messages = messagesOf(streams)
  const rates = await measure([
    { name: 'JSON.parse and a Map', run: () => mapLoop(messages) },
    { name: 'inturn worker, memory store', run: () => withInturn(messages) },
  ])
  report(`Memory worker with a no-op handler, ${streams} streams, batch 500`, rates)
}

// inturn on a Redis store: a worker over a memory source, with a handler that does nothing.
import type { Processor } from '../../src/index.ts'
import { contiguous, createProcessor, createWorker } from '../../src/index.ts'
import { redisStore } from '../../src/stores/redis.ts'
import { memorySource } from '../../src/transports/memory.ts'
import type { Share, Work } from './share.ts'
import { messagesOf } from './share.ts'

const domain = { numbering: contiguous(), effects: 'external' } as const

/** A process that works off its share with a worker. */
export async function withInturn(share: Share): Promise<Work> {
  const messages = messagesOf(share)
  const source = memorySource({ keptMax: Math.max(1, messages.length) })
  await source.push(messages)
  return async (done) => {
    let handled = 0
    const worker = createWorker({
      consumer: 'bench',
      store: redisStore(share.url, { prefix: 'bench' }),
      source,
      batch: share.batch,
      domains: { account: { ...domain, handle: () => void handled++ } },
    })
    await worker.run({ until: 'caught-up' })
    done(handled)
  }
}

/** A processor over the same store. */
export function benchProcessor(url: string, batch: number): Processor {
  return createProcessor({
    consumer: 'bench',
    store: redisStore(url, { prefix: 'bench' }),
    batch,
    domains: { account: { ...domain, handle: () => undefined } },
  })
}

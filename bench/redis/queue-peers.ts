// What a user would take instead: queues on Redis. GroupMQ is a FIFO queue for each group; BullMQ has no
// groups, so it keeps no order beside several jobs at a time, and only one at a time keeps that of a stream.
// Both keep the jobs in Redis; those are there before the clock starts.
import { Queue as BullQueue, Worker as BullWorker } from 'bullmq'
import { Queue as GroupQueue, Worker as GroupWorker } from 'groupmq'
import { Redis } from 'ioredis'
import type { BenchEvent, Share, Work } from './share.ts'
import { eventsOf } from './share.ts'

const addedTogether = 500
const concurrency = 64

async function addAll(share: Share, add: (events: readonly BenchEvent[]) => Promise<unknown>): Promise<void> {
  const events = eventsOf(share)
  for (let from = 0; from < events.length; from += addedTogether) {
    await add(events.slice(from, from + addedTogether))
  }
}

/** A process that puts its share into a queue of GroupMQ, and then works off what is there. */
export async function groupMq(share: Share): Promise<Work> {
  const redis = new Redis(share.url, { maxRetriesPerRequest: null })
  const queue = new GroupQueue<BenchEvent['data']>({ redis, namespace: 'bench' })
  await addAll(share, (events) =>
    Promise.all(
      events.map(({ stream, sequence, id, data }) =>
        queue.add({ groupId: stream, jobId: id, orderMs: sequence, data }),
      ),
    ),
  )
  return async (done) => {
    const handler = async (): Promise<void> => done(1)
    const worker = new GroupWorker<BenchEvent['data']>({ queue, concurrency, handler })
    await worker.run()
  }
}

/** A process that puts its share into a queue of BullMQ, and then works off what is there. */
export async function bullMq(share: Share): Promise<Work> {
  const connection = new Redis(share.url, { maxRetriesPerRequest: null })
  const queue = new BullQueue('bench', { connection, defaultJobOptions: { removeOnComplete: true } })
  await addAll(share, (events) =>
    queue.addBulk(events.map(({ stream, id, data }) => ({ name: stream, data, opts: { jobId: id } }))),
  )
  return async (done) => {
    const jobsAtOnce = share.streams === 1 ? 1 : concurrency
    const worker = new BullWorker('bench', async () => done(1), { connection, concurrency: jobsAtOnce })
    await worker.waitUntilReady()
  }
}

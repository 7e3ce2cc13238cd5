// A worker in a process of its own, to be killed: hands every event of all streams to a processor, shuffled
// and some of them twice, and appends each number that is handled to a list of its stream, until all are
// there. Arguments: URL, prefix, worker.
import { createClient } from 'redis'
import { contiguous } from '../../../src/core/numbering.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import { systemRandom } from '../../../src/ports/timers.ts'
import { redisStore } from '../../../src/stores/redis.ts'

const [, , url = '', prefix = '', worker = ''] = process.argv
const streams = Array.from({ length: 12 }, (_, index) => `s${index}`)
const last = 40

const effects = createClient({ url })
await effects.connect()
const store = redisStore(url, { prefix, onWarning: () => undefined })
const processor = createProcessor({
  sweep: 'manual',
  consumer: 'billing',
  store,
  worker,
  claim: '2s',
  batch: 25,
  domains: {
    account: {
      numbering: contiguous(),
      effects: 'external',
      handle: async ({ stream, sequence }) => {
        await effects.rPush(`${prefix}-effects:${stream}`, String(sequence))
      },
    },
  },
})

const events = streams.flatMap((stream) =>
  Array.from({ length: last }, (_, index) => {
    return { domain: 'account', stream, sequence: index + 1, id: `${stream}-${index}`, data: {} }
  }),
)
const arrivals = [...events, ...events.slice(0, 100)]
  .map((event) => ({ event, order: systemRandom.next() }))
  .sort((a, b) => a.order - b.order)
  .map(({ event }) => event)

for (let from = 0; from < arrivals.length; from += 60)
  await processor.process(arrivals.slice(from, from + 60))

async function isDone(): Promise<boolean> {
  const stored = await store.reader.streams('billing', { limit: 99 })
  return stored.filter(({ state }) => state.position === last).length === streams.length
}

while (!(await isDone())) await processor.sweep()
process.stdout.write('done\n')
await processor.close()
effects.destroy()

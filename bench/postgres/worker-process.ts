// A worker of the bench that is a process of its own: it opens the store, says so, and begins when told.
import { once } from 'node:events'
import { each, eventsOf, inBulk, processing } from './exactly-once.ts'

const [url = '', nth = '0', workers = '1', count = '0', handling, streams] = process.argv.slice(2)
const prefix = `${nth}-`
const events =
  streams === 'same'
    ? eventsOf(Number(count), 1_000).filter(({ sequence }) => sequence % Number(workers) === Number(nth))
    : eventsOf(Number(count) / Number(workers), 1_000).map((event) => ({
        ...event,
        stream: prefix + event.stream,
        id: prefix + event.id,
      }))
const work = await processing(url, events, handling === 'each' ? each : inBulk)
process.send?.('ready')
await once(process, 'message')
await work()
process.send?.('done')
process.disconnect()

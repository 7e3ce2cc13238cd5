// A worker of the bench that is a process of its own: it opens the store, says so, and begins when told.
import { once } from 'node:events'
import { each, eventsOf, inBulk, processing } from './exactly-once.ts'

const [url = '', prefix = '', count = '0', handling] = process.argv.slice(2)
const events = eventsOf(Number(count), 1_000).map((event) => ({
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

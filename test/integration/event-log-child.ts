// A producer in a process of its own, to race and to be killed: appends events with ids `worker-1`,
// `worker-2`, ... and says each one that the log has taken. Arguments: log, worker, first, count, mode.
// `expected`: reads where a stream is and appends only if it is still there, again until it is. `any`:
// batches over two streams.
import { AppendConflict } from '../../src/core/append-errors.ts'
import type { StreamAppend } from '../../src/core/logged-event.ts'
import { logAt } from './log-target.ts'

const [, , target = '', worker = '', first = '1', count = 'Infinity', mode = 'any'] = process.argv
const streams = 5

const log = logAt(target)

function eventsOf(number: number, of: string): StreamAppend['events'] {
  return [{ id: `${worker}-${number}${of}`, type: 'account.booked', data: { worker, number } }]
}

async function appendExpected(number: number): Promise<void> {
  const place = { domain: 'account', stream: String(number % streams) }
  const { last } = await log.bounds(place)
  try {
    await log.append({ ...place, expected: last, events: eventsOf(number, '') })
  } catch (error) {
    if (!(error instanceof AppendConflict)) throw error
    process.stdout.write('conflict\n')
    await appendExpected(number)
  }
}

async function appendBatch(number: number): Promise<void> {
  await log.appendAll([
    { domain: 'account', stream: String(number % streams), events: eventsOf(number, 'a') },
    { domain: 'account', stream: String((number + 1) % streams), events: eventsOf(number, 'b') },
  ])
}

await log.open()
const end = Number(first) + Number(count)
for (let number = Number(first); number < end; number++) {
  if (mode === 'expected') await appendExpected(number)
  else await appendBatch(number)
  process.stdout.write(`${number}\n`)
}
await log.close()

// A process that appends to the log: batches over several streams, and single events that expect their stream
// to be where they saw it. On its disk it has only how many batches were acknowledged.
import { AppendConflict } from '../../../src/core/append-errors.ts'
import type { Appended, NewEvent, StreamAppend } from '../../../src/core/logged-event.ts'
import { streamPath } from '../../../src/core/stream-path.ts'
import type { EventLog } from '../../../src/ports/event-log.ts'
import type { SeededRandom } from '../../../src/testing/seeded-random.ts'
import type { Living, Program } from './mortal-process.ts'
import { retried } from './mortal-process.ts'
import type { ProducerWorld } from './producer-world.ts'
import { troubledLog } from './troubled-ports.ts'

interface Batch {
  readonly name: string
  readonly appends: readonly StreamAppend[]
  /** Appended only where the stream still is what was read of it. */
  readonly isExpecting: boolean
}

/** The domain of what is appended. */
export const accounts = 'account'

/** A program that appends some batches, each until the log has it. */
export function appendingProgram(world: ProducerWorld, name: string): Program {
  const random = world.random.fork()
  const batches = Array.from({ length: world.scenario.batches }, (_, index) =>
    batchOf(`${name}-${index}`, random, world.scenario.streams),
  )
  const disk = { done: 0 }
  return async (living) => {
    const log = troubledLog(world, living)
    for (let batch = batches[disk.done]; batch !== undefined; batch = batches[disk.done]) {
      await living.life.timers.sleep(living.random.whole(0, 2_000))
      const appended = batch.isExpecting
        ? await appendExpecting(log, living, batch)
        : await retried(living, () => log.appendAll(batch.appends))
      for (const one of appended) acknowledge(world, batch.name, one)
      disk.done++
    }
  }
}

/** Appends one event to each stream that has any: what shows every gap in front of it. */
export async function appendLast(world: ProducerWorld): Promise<void> {
  for (let stream = 1; stream <= world.scenario.streams; stream++) {
    const place = { domain: accounts, stream: `s${stream}` }
    const events = [{ id: `last-${stream}`, type: 'account.closed', data: null }]
    acknowledge(world, 'the last one', await world.log.append({ ...place, events }))
  }
}

function batchOf(name: string, random: SeededRandom, streams: number): Batch {
  const isExpecting = random.chance(0.4)
  const count = isExpecting ? 1 : random.whole(1, 3)
  const appends = Array.from({ length: count }, (_, part) => ({
    domain: accounts,
    stream: `s${random.whole(1, streams)}`,
    events: eventsOf(`${name}-${part}`, isExpecting ? 1 : random.whole(1, 4)),
  }))
  return { name, appends, isExpecting }
}

function eventsOf(name: string, count: number): readonly NewEvent[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `${name}-${index}`,
    type: 'account.booked',
    data: { amount: index },
  }))
}

/** Reads where the stream is, and appends behind it; again, if somebody else was quicker. */
async function appendExpecting(
  log: EventLog,
  living: Living,
  { appends }: Batch,
): Promise<readonly Appended[]> {
  const [append] = appends
  if (append === undefined) return []
  for (;;) {
    const { last } = await retried(living, () => log.bounds(append))
    await living.life.timers.sleep(living.random.whole(0, 300))
    const events = append.events.map((event) => ({ ...event, attributes: { after: last } }))
    try {
      const expected = last === 0 ? 'none' : last
      return [await retried(living, () => log.append({ ...append, events, expected }))]
    } catch (error) {
      if (!(error instanceof AppendConflict)) throw error
    }
  }
}

function acknowledge(world: ProducerWorld, batch: string, { domain, stream, events }: Appended): void {
  const numbers = events.map(({ sequence }) => sequence)
  world.acknowledge({
    batch,
    path: streamPath(domain, stream),
    ids: events.map(({ id }) => id),
    numbers,
  })
}

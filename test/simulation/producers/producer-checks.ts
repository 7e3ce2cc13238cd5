// What must hold when the whole way of an event was simulated: from what was acknowledged, what the log has,
// what was sent, and what was done.
import { streamPath } from '../../../src/core/stream-path.ts'
import { verifyConsumer } from '../../../src/operate/verify.ts'
import { accounts } from './appending-program.ts'
import { orders } from './numbering-programs.ts'
import type { ConsumerName, ProducerWorld } from './producer-world.ts'

/** Every breach of an invariant. */
export async function checkProducers(world: ProducerWorld): Promise<readonly string[]> {
  await world.follow()
  return [
    ...world.crashes.map((text) => `I10: ${text}`),
    ...checkLog(world),
    ...checkAcknowledged(world),
    ...checkExpected(world),
    ...checkSent(world),
    ...checkEffects(world, 'billing'),
    ...checkEffects(world, 'direct'),
    ...checkEffects(world, 'late'),
    ...(await checkOrders(world)),
    ...(await checkBooks(world)),
    ...(world.topic.unsettled > 0 ? [`I4: ${world.topic.unsettled} messages are not settled`] : []),
  ]
}

/** The log is dense, no id is there twice, and retention archived its beginning, in order. */
function checkLog({ whole, archived }: ProducerWorld): readonly string[] {
  const breaches: string[] = []
  const heads = new Map<string, number>()
  const seen = new Set<string>()
  for (const [index, { domain, stream, sequence, place, id }] of whole.entries()) {
    const path = streamPath(domain, stream)
    const next = (heads.get(path) ?? 0) + 1
    if (place !== index + 1) breaches.push(`I3: the log has place ${place} at ${index + 1}`)
    if (sequence !== next) breaches.push(`I1: the log has ${path} ${sequence} where ${next} comes next`)
    if (seen.has(`${path} ${id}`)) breaches.push(`I2: the log has ${path} ${id} twice`)
    heads.set(path, sequence)
    seen.add(`${path} ${id}`)
  }
  const places = archived.map(({ place }) => place)
  const isBeginning = places.every((place, index) => place === index + 1)
  return isBeginning ? breaches : [...breaches, `I3: retention archived ${places.join(' ')}`]
}

/** Whatever was acknowledged is in the log, under the numbers that were told; a batch lies together. */
function checkAcknowledged({ whole, acknowledged }: ProducerWorld): readonly string[] {
  const breaches: string[] = []
  const byId = new Map(whole.map((event) => [`${streamPath(event.domain, event.stream)} ${event.id}`, event]))
  const batches = new Map<string, number[]>()
  for (const { batch, path, ids, numbers } of acknowledged) {
    for (const [index, id] of ids.entries()) {
      const event = byId.get(`${path} ${id}`)
      if (event?.sequence !== numbers[index]) {
        breaches.push(`I3: ${path} ${id} was acknowledged as ${numbers[index]}, and is ${event?.sequence}`)
      }
      if (event !== undefined) batches.set(batch, [...(batches.get(batch) ?? []), event.place])
    }
  }
  if (byId.size !== acknowledged.reduce((sum, { ids }) => sum + ids.length, 0)) {
    breaches.push('I3: the log has what nobody appended, or not what somebody did')
  }
  for (const [batch, places] of batches) {
    const isTogether = Math.max(...places) - Math.min(...places) === places.length - 1
    if (!isTogether && batch !== 'the last one') breaches.push(`I2: ${batch} lies apart: ${places.join(' ')}`)
  }
  return breaches
}

/** Whoever expected a stream somewhere found it there. */
function checkExpected({ whole }: ProducerWorld): readonly string[] {
  return whole.flatMap(({ stream, sequence, attributes }) => {
    const after = attributes?.['after']
    if (after === undefined || after === sequence - 1) return []
    return [`I5: ${stream} ${sequence} was appended by somebody who expected ${String(after)}`]
  })
}

/** First copies arrive at the topic in order, without holes. */
function checkSent({ whole, sent }: ProducerWorld): readonly string[] {
  return pathsOf(whole).flatMap((path) => {
    const heads = whole.filter(({ domain, stream }) => streamPath(domain, stream) === path)
    const first = [...new Set(sent.get(path))]
    const isDense = first.length === heads.length && first.every((number, index) => number === index + 1)
    return isDense ? [] : [`I1: ${path}: of 1 to ${heads.length} the relays sent ${first.join(' ')}`]
  })
}

/** Every event has its effect, once, in order. */
function checkEffects(world: ProducerWorld, consumer: ConsumerName): readonly string[] {
  const { whole, effects } = world
  const after = consumer === 'late' ? (world.lateAfter ?? 0) : 0
  return pathsOf(whole).flatMap((path) => {
    const wanted = whole
      .filter(({ domain, stream, place }) => place > after && streamPath(domain, stream) === path)
      .map(({ sequence, id }) => `${sequence} ${id}`)
    const done = effects
      .filter((effect) => effect.consumer === consumer && effect.path === path)
      .map(({ sequence, id }) => `${sequence} ${id}`)
    if (done.join() === wanted.join()) return []
    return [`I1 or I2: ${consumer} ${path}: did ${done.join(', ')}; wanted ${wanted.join(', ')}`]
  })
}

/** Numbers of a sequencer have an effect or a fill each, and every event that was published its effect. */
async function checkOrders(world: ProducerWorld): Promise<readonly string[]> {
  const { effects, booked, sequences, store } = world
  const breaches: string[] = []
  const own = effects.filter(({ consumer, path }) => consumer === 'billing' && path.startsWith(`${orders}/`))
  const ids = own.map(({ id }) => id)
  if (ids.length !== booked.size || !ids.every((id) => booked.has(id))) {
    breaches.push(`I2: orders ${ids.join(' ')} were done, and ${[...booked].join(' ')} published`)
  }
  for (const stream of ['o1', 'o2']) {
    const path = streamPath(orders, stream)
    const numbers = own.filter((effect) => effect.path === path).map(({ sequence }) => sequence)
    const isRising = numbers.every((number, index) => number > (numbers[index - 1] ?? 0))
    if (!isRising) breaches.push(`I1: ${path}: ${numbers.join(' ')}`)
    const last = await sequences.last({ domain: orders, stream })
    const { state } = (await store.reader.stream('billing', path)) ?? {}
    const { filled = 0, delivered = 0 } = state?.counts ?? {}
    if ((state?.position ?? 0) !== last || filled + delivered !== last) {
      const found = `${delivered} delivered and ${filled} filled`
      breaches.push(`I3: ${path}: ${last} numbers were taken, ${found} up to ${String(state?.position)}`)
    }
  }
  return breaches
}

/** The books of every consumer balance, and nothing was given up. */
async function checkBooks({ store, lateAfter }: ProducerWorld): Promise<readonly string[]> {
  const breaches: string[] = []
  const consumers = lateAfter === undefined ? ['billing', 'direct'] : ['billing', 'direct', 'late']
  for (const consumer of consumers) {
    const { imbalances } = await verifyConsumer({ consumer, reader: store.reader }, new Map())
    const { held, deadLetters, halted } = await store.reader.summary(consumer)
    breaches.push(...imbalances.map((imbalance) => `I3: ${consumer}: ${JSON.stringify(imbalance)}`))
    if (held + deadLetters + halted > 0) {
      breaches.push(`I3: ${consumer}: ${held} are held, ${deadLetters} dead letters, ${halted} halted`)
    }
  }
  return breaches
}

function pathsOf(whole: ProducerWorld['whole']): readonly string[] {
  return [...new Set(whole.map(({ stream }) => streamPath(accounts, stream)))]
}

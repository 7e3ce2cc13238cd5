// The ports of one life of a process: each call may fail before or after it has happened, take long, or be
// the last thing that the process does.
import { InturnError } from '../../../src/core/errors.ts'
import { streamPath } from '../../../src/core/stream-path.ts'
import { aroundStore, plainStore } from '../../../src/ports/around-store.ts'
import type { EventLog } from '../../../src/ports/event-log.ts'
import { countedCalls } from '../../../src/ports/port-call.ts'
import type { SequenceStore } from '../../../src/ports/sequence-store.ts'
import type { Sink, SinkMessage } from '../../../src/ports/sink.ts'
import type { Source } from '../../../src/ports/source.ts'
import type { Store } from '../../../src/ports/store.ts'
import { aroundEventLog } from '../../../src/testing/around-event-log.ts'
import { aroundSource } from '../../../src/testing/around-source.ts'
import {
  faultsByChance,
  faultyEventLog,
  faultySource,
  faultyStore,
  withFaults,
} from '../../../src/testing/faults.ts'
import type { FaultPlan } from '../../../src/testing/faults.ts'
import type { EffectTransaction } from '../effect-logs.ts'
import { transactionalStore } from '../transactional-store.ts'
import type { Living } from './mortal-process.ts'
import type { ProducerWorld } from './producer-world.ts'
import type { TopicDelivery } from './simulated-topic.ts'

const delayMsMax = 300

/** The log. Closing it closes nothing: it is not the process's own. */
export function troubledLog(world: ProducerWorld, living: Living): EventLog {
  const { life } = living
  const log = world.mutation.log?.(world.log) ?? world.log
  const kept = { ...aroundEventLog(log, (_call, run) => run(), life.timers), close: () => Promise.resolve() }
  const faulty = faultyEventLog(kept, troublesOf(world, living), life.timers)
  return aroundEventLog(faulty, life.around('log'), life.timers)
}

/** The store, as a durable one with transactions. */
export function troubledStore(world: ProducerWorld, living: Living): Store<EffectTransaction> {
  const { life } = living
  const own = world.store.beside({ timers: life.timers })
  const durable = plainStore(own, { durable: true })
  const transactional = transactionalStore(durable, {
    onDeath: (callback) => life.onDeath(callback),
    queue: world.transactions,
    written: (consumer, effects) => {
      for (const { produced } of effects) {
        const { path, sequence, message } = produced
        world.act({ consumer, path, sequence: Number(sequence), id: String(message['id']) })
      }
    },
  })
  const faulty = faultyStore(transactional, troublesOf(world, living), life.timers)
  return aroundStore(faulty, life.around('store'))
}

/** The numbers. */
export function troubledSequences(world: ProducerWorld, living: Living): SequenceStore {
  const call = caller(world, living, 'sequences')
  const store = world.mutation.sequences?.(world.sequences) ?? world.sequences
  return {
    name: store.name,
    durable: true,
    open: () => call('open', () => store.open()),
    close: () => Promise.resolve(),
    reserve: (stream, request) => call('reserve', () => store.reserve(stream, request)),
    use: (reservation) => call('use', () => store.use(reservation)),
    burn: (reservation, reason) => call('burn', () => store.burn(reservation, reason)),
    burned: (request) => call('burned', () => store.burned(request)),
    published: (reservations) => call('published', () => store.published(reservations)),
    assign: (request) => call('assign', () => store.assign(request)),
    last: (stream) => call('last', () => store.last(stream)),
  }
}

/** A consumer's connection to the topic. */
export function troubledTopic(world: ProducerWorld, living: Living): Source<TopicDelivery> {
  const { life } = living
  const faulty = faultySource(world.topic.source(life.timers), troublesOf(world, living), life.timers)
  return aroundSource(faulty, life.around('topic'))
}

/** Publishes what is not of the log: it arrives at least once, if the process tries again. */
export function publisher(world: ProducerWorld, living: Living): (message: object) => Promise<void> {
  const call = caller(world, living, 'topic')
  return (message) => call('publish', async () => world.topic.push(JSON.stringify(message), 0))
}

/**
 * The topic as a sink, which takes no notice of its signal: what a send has begun it may go on with at any
 * later time. A send that fails leaves some beginning of its messages.
 */
export function topicSink(world: ProducerWorld, living: Living): Sink {
  const { life, random } = living
  const push = ({ domain, stream, sequence, json }: SinkMessage): void => {
    const path = streamPath(domain, stream)
    world.sent.set(path, [...(world.sent.get(path) ?? []), sequence])
    world.note(`${living.id} sends ${path} ${sequence}`)
    world.topic.push(json, world.isTroubled ? world.scenario.dropChance : 0)
  }
  const sink: Sink = {
    name: 'topic',
    open: () => Promise.resolve(),
    close: () => Promise.resolve(),
    send: async (messages) => {
      for (const message of messages) {
        await life.step('in a send')
        const { failBefore } = world.scenario.troubles
        if (world.isTroubled && random.chance(failBefore)) throw unavailable('in the middle of a send')
        push(message)
      }
      await life.step('at the end of a send')
      if (world.isTroubled && random.chance(world.scenario.troubles.failAfter)) {
        throw unavailable('at the end of a send')
      }
    },
  }
  return world.mutation.sink?.(sink, life.timers) ?? sink
}

function troublesOf<Method extends string>(
  world: ProducerWorld,
  { random }: Pick<Living, 'random'>,
): FaultPlan<Method> {
  const plan = faultsByChance<Method>(random, { ...world.scenario.troubles, delayMsMax })
  return (call) => (world.isTroubled ? plan(call) : undefined)
}

function caller(
  world: ProducerWorld,
  living: Living,
  port: string,
): <Result>(method: string, run: () => Promise<Result>) => Promise<Result> {
  const { life } = living
  const failing = withFaults<string>(troublesOf(world, living), life.timers, ({ method }) =>
    unavailable(`${port}.${method}`),
  )
  const around = life.around<string>(port)
  return countedCalls<string>((call, run) => around(call, () => failing(call, run)))
}

function unavailable(where: string): InturnError {
  return new InturnError('sink-unavailable', `lost ${where}`, { retryable: true })
}

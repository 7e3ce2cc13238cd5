// The processes between the log and the effects: relays, and workers of three consumers. One reads the topic
// and asks the log for what it misses, one reads the log itself, and one begins when retention has removed
// some of it.
import type { InturnEvent } from '../../../src/core/event.ts'
import { contiguous } from '../../../src/core/numbering.ts'
import { streamPath } from '../../../src/core/stream-path.ts'
import type {
  CommonDomainOptions,
  DomainOptions,
  HandlerContext,
} from '../../../src/engine/domain-options.ts'
import { createWorker } from '../../../src/engine/worker.ts'
import type { Source } from '../../../src/ports/source.ts'
import { logBaseline, logHealer } from '../../../src/producer/log-healer.ts'
import { logSource } from '../../../src/producer/log-source.ts'
import { createRelay } from '../../../src/producer/relay.ts'
import type { EffectTransaction } from '../effect-logs.ts'
import type { Produced } from '../produced.ts'
import { accounts } from './appending-program.ts'
import type { Living, Program } from './mortal-process.ts'
import { orders } from './numbering-programs.ts'
import type { ConsumerName, ProducerWorld } from './producer-world.ts'
import { topicSink, troubledLog, troubledStore, troubledTopic } from './troubled-ports.ts'

/** A program that relays what is appended to the topic. */
export function relayingProgram(world: ProducerWorld): Program {
  const { shards, relayBatch: batch, leaseMs: lease } = world.scenario
  return async (living) => {
    const { life, random, stop } = living
    const relay = createRelay({
      name: 'chain',
      log: troubledLog(world, living),
      sink: topicSink(world, living),
      store: troubledStore(world, living),
      shards,
      batch,
      lease,
      sendTimeout: '5s',
      form: world.scenario.seed % 2 === 0 ? 'plain' : 'cloudevent',
      timers: life.timers,
      random,
    })
    stop.addEventListener('abort', () => void relay.stop())
    await relay.run()
  }
}

/** A program that works for a consumer. */
export function workingProgram(world: ProducerWorld, consumer: ConsumerName): Program {
  const { claimMs: claim, batch } = world.scenario
  return async (living) => {
    const { life, random, stop } = living
    const worker = createWorker({
      consumer,
      worker: living.id,
      store: troubledStore(world, living),
      source: sourceOf(world, living, consumer),
      domains: domainsOf(world, living, consumer),
      claim,
      batch,
      sweepEvery: 500,
      timers: life.timers,
      random,
    })
    stop.addEventListener('abort', () => void worker.stop())
    await worker.run()
  }
}

function sourceOf(world: ProducerWorld, living: Living, consumer: ConsumerName): Source {
  if (consumer === 'billing') return troubledTopic(world, living)
  const start = consumer === 'late' || world.scenario.hasRetention ? 'kept' : 'first'
  const { shards, leaseMs: lease } = world.scenario
  return logSource(troubledLog(world, living), { start, shards, lease, timers: living.life.timers })
}

function domainsOf(
  world: ProducerWorld,
  living: Living,
  consumer: ConsumerName,
): Record<string, DomainOptions<EffectTransaction>> {
  const order = handled(world, living, { numbering: contiguous() })
  if (consumer === 'direct') return { [accounts]: order }
  const log = troubledLog(world, living)
  if (consumer === 'late') {
    const baseline = logBaseline(log, accounts)
    const { mutation } = world
    return {
      [accounts]: handled(world, living, {
        numbering: contiguous(),
        baseline: mutation.baseline?.(baseline) ?? baseline,
      }),
    }
  }
  const healer = logHealer(log)
  const heal = {
    with: world.mutation.healer?.(healer) ?? healer,
    after: 500,
    attempts: 1_000,
    timeout: 2_000,
    backoffMax: 2_000,
    chunk: 1 + (world.scenario.seed % 5),
  }
  return {
    [accounts]: handled(world, living, { numbering: contiguous(), gap: { heal } }),
    [orders]: order,
  }
}

/** Handlers never fail by themselves; their workers die, and their stale fences are refused. */
function handled(
  world: ProducerWorld,
  living: Living,
  options: CommonDomainOptions,
): DomainOptions<EffectTransaction> {
  const common = { ...options, failure: { attempts: 1_000, backoff: 50, backoffMax: 1_000 } }
  if (world.scenario.effects === 'external') {
    return {
      ...common,
      effects: 'external',
      handle: (event, context) => actOutside(world, living, { event, context }),
    }
  }
  return {
    ...common,
    effects: 'transaction',
    handle: async (event, { transaction }) => {
      await living.life.step('in a handler')
      transaction.write({ produced: producedOf(event), isRedrive: false })
      await living.life.step('at the end of a handler')
    },
  }
}

const fences: WeakMap<ProducerWorld, Map<string, number>> = new WeakMap()
const keys: WeakMap<ProducerWorld, Set<string>> = new WeakMap()

/** A system outside that refuses stale fences and repeats no effect. */
async function actOutside(
  world: ProducerWorld,
  { life }: Living,
  { event, context }: { readonly event: InturnEvent; readonly context: HandlerContext },
): Promise<void> {
  await life.step('in a handler')
  const { consumer, fence, idempotencyKey } = context
  const path = streamPath(event.domain, event.stream)
  const highest = fences.get(world) ?? new Map<string, number>()
  const known = keys.get(world) ?? new Set<string>()
  fences.set(world, highest)
  keys.set(world, known)
  const scope = `${consumer} ${path}`
  if (fence < (highest.get(scope) ?? 0)) throw new Error('the fence is stale')
  highest.set(scope, fence)
  if (!known.has(idempotencyKey)) {
    world.act({ consumer, path, sequence: Number(event.sequence), id: String(event.id) })
  }
  known.add(idempotencyKey)
  await life.step('at the end of a handler')
}

function producedOf({ domain, stream, epoch, sequence = 0, id }: InturnEvent): Produced {
  return {
    uid: 0,
    kind: 'event',
    message: { id },
    domain,
    path: streamPath(domain, stream),
    epoch,
    sequence,
    isConflict: false,
    isImplausible: false,
    failures: 0,
    isFiltered: false,
    isRefused: false,
    isDeadly: false,
    handlerMs: 0,
  }
}

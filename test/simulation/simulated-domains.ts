// The domains of a simulated worker, with handlers that fail, dawdle and die as the scenario says, and act
// either in the commit or in a system outside.
import type { InturnEvent } from '../../src/core/event.ts'
import { streamPath } from '../../src/core/stream-path.ts'
import type {
  BatchContext,
  DomainOptions,
  GapOptions,
  HandlerContext,
} from '../../src/engine/domain-options.ts'
import type { SchemaResult, StandardSchema } from '../../src/ports/standard-schema.ts'
import type { EffectTransaction, ExternalSystem } from './effect-logs.ts'
import type { History } from './history.ts'
import type { Lifeline } from './lifeline.ts'
import type { Produced } from './produced.ts'
import { uidOf } from './produced.ts'
import { spanMax } from './producers.ts'
import type { DomainScenario } from './scenario.ts'
import type { SimulatedHealerParts } from './simulated-healer.ts'
import { simulatedHealer } from './simulated-healer.ts'

/** What handlers act on. */
export interface HandlerWorld {
  readonly produced: readonly Produced[]
  readonly history: History
  readonly external: ExternalSystem
  readonly lifeline: Lifeline
  readonly consumer: string
  readonly worker: string
  /** How often a bulk handler has failed for an event, by uid. */
  readonly bulkFailures: Map<number, number>
  readonly healer: SimulatedHealerParts
}

/** The domains of one worker. */
export function simulatedDomains(
  scenarios: readonly DomainScenario[],
  world: HandlerWorld,
): Record<string, DomainOptions<EffectTransaction>> {
  return Object.fromEntries(scenarios.map((domain) => [domain.name, simulatedDomain(domain, world)]))
}

function simulatedDomain(domain: DomainScenario, world: HandlerWorld): DomainOptions<EffectTransaction> {
  const { numbering, heldMax, handedOverMax, conflictMemory, patienceMs, gapEnd, isBulk } = domain
  const common = {
    numbering,
    timeout: 5_000,
    ...(domain.refusedChance > 0 && { schemas: { '*': simulatedSchema(world) } }),
    filter: (event: InturnEvent) => !producedOf(world, event).isFiltered,
    failure: { attempts: domain.attempts, backoff: 50, backoffMax: 2_000, then: domain.failureThen },
    ...(numbering.kind !== 'unordered' && {
      gap: { patience: patienceMs, then: gapEnd, ...healOptions(domain, world) },
      heldMax,
      handedOverMax,
      conflictMemory,
      ...(numbering.kind === 'contiguous' && { spanMax }),
    }),
  } as const
  if (domain.effects === 'external') {
    return isBulk
      ? { ...common, effects: 'external', handleBatch: (events, context) => actBulk(world, events, context) }
      : { ...common, effects: 'external', handle: (event, context) => act(world, event, context) }
  }
  const { meetsEvery } = domain
  return isBulk
    ? { ...common, effects: 'transaction', handleBatch: (events, context) => actBulk(world, events, context) }
    : {
        ...common,
        effects: 'transaction',
        handle: (event, context) => act(world, event, context, meetsEvery),
      }
}

/** Half of its answers are promises. */
function simulatedSchema(world: HandlerWorld): StandardSchema {
  const validate = (data: unknown): SchemaResult | Promise<SchemaResult> => {
    const { uid, isRefused } = producedOf(world, { data })
    const result = isRefused ? { issues: [{ message: 'does not fit' }] } : { value: data }
    return uid % 2 === 0 ? result : Promise.resolve(result)
  }
  return { '~standard': { version: 1, vendor: 'inturn', validate } }
}

function healOptions(domain: DomainScenario, world: HandlerWorld): Pick<GapOptions, 'heal'> {
  if (domain.healing === undefined) return {}
  const { afterMs: after, attempts, timeoutMs: timeout } = domain.healing
  return {
    heal: { with: simulatedHealer(domain, world.healer), after, attempts, timeout, backoffMax: 2_000 },
  }
}

type Acting = HandlerContext & { readonly transaction?: EffectTransaction }

async function act(
  world: HandlerWorld,
  event: InturnEvent,
  context: Acting,
  meetsEvery: number = Infinity,
): Promise<void> {
  const { history, lifeline, consumer, worker } = world
  const produced = producedOf(world, event)
  refuse(produced)
  history.note({ kind: 'called', consumer, worker, fence: context.fence, produced })
  if (produced.handlerMs > 0) await lifeline.timers.sleep(produced.handlerMs)
  await lifeline.step(produced.isDeadly ? 'a deadly handler' : 'the effect')
  if (context.attempt <= produced.failures) {
    history.note({ kind: 'failed', consumer, produced })
    throw new Error(`the handler fails at attempt ${context.attempt} of ${produced.failures}`)
  }
  const { transaction, idempotencyKey, fence, isRedrive } = context
  if (transaction?.isShared === true && produced.uid % meetsEvery === 0)
    throw new Error('its statements have met those of a handler beside it')
  if (transaction !== undefined) transaction.write({ produced, isRedrive })
  else {
    const path = streamPath(event.domain, event.stream)
    world.external.act({ consumer, path, idempotencyKey, fence, produced, isRedrive })
  }
  await lifeline.step('the end of a handler')
}

/** A dead letter `failed`, or a halt over a failure, would not be true of such an event. */
function refuse({ uid, isRefused }: Produced): void {
  if (isRefused) throw new Error(`a handler got the event ${uid}, which its schema refuses`)
}

/**
 * A bulk handler fails as a whole if one of its events does. It knows no fence, so no stale one is refused.
 */
async function actBulk(
  world: HandlerWorld,
  events: readonly InturnEvent[],
  context: BatchContext & { readonly transaction?: EffectTransaction },
): Promise<void> {
  const { lifeline, consumer, history, worker } = world
  const isDeadly = events.some((event) => producedOf(world, event).isDeadly)
  await lifeline.step(isDeadly ? 'a deadly handler' : 'the effect of a batch')
  for (const event of events) {
    const produced = producedOf(world, event)
    refuse(produced)
    history.note({ kind: 'called', consumer, worker, fence: 0, produced })
    const failed = world.bulkFailures.get(produced.uid) ?? 0
    if (failed < produced.failures) {
      world.bulkFailures.set(produced.uid, failed + 1)
      history.note({ kind: 'failed', consumer, produced })
      throw new Error('the handler of a batch fails')
    }
    const { isRedrive } = context
    if (context.transaction !== undefined) context.transaction.write({ produced, isRedrive })
    else {
      const path = streamPath(event.domain, event.stream)
      const idempotencyKey = context.idempotencyKeyOf(event)
      world.external.act({ consumer, path, idempotencyKey, fence: undefined, produced, isRedrive })
    }
  }
  await lifeline.step('the end of a batch')
}

function producedOf(world: HandlerWorld, event: Pick<InturnEvent, 'data'>): Produced {
  const uid = uidOf(event)
  const produced = uid === undefined ? undefined : world.produced[uid]
  if (produced === undefined)
    throw new Error(`a handler got an event that was never produced: ${JSON.stringify(event)}`)
  return produced
}

// What a check is: it reads the record of a simulation, and names each breach of one invariant.
import type { StreamPath } from '../../../src/core/stream-path.ts'
import type { Produced } from '../produced.ts'
import type { DomainScenario } from '../scenario.ts'
import type { SimulatedWorld } from '../simulated-world.ts'
import { ShadowStore } from './shadow-store.ts'

/** Names each breach of an invariant, beginning with its number. */
export type Check = (world: SimulatedWorld) => readonly string[]

/** The domain of a stream. */
export function domainOf(world: SimulatedWorld, path: StreamPath): DomainScenario | undefined {
  const name = path.slice(0, path.indexOf('/'))
  return world.scenario.domains.find((domain) => domain.name === name)
}

/**
 * Whether attempts at an event may have ended with their worker: its handler is deadly, or workers died by
 * themselves, stood still until their claims had run out, or could not commit what they had done. That they
 * died of other events is no reason; but without tracking a copy that another worker has in hand cannot be
 * told from a death.
 */
export function mayLoseItsWorker(world: SimulatedWorld, { isDeadly, path }: Produced): boolean {
  const { death, stall, storeBefore, storeAfter } = world.scenario.troubles
  if (isDeadly || death + stall + storeBefore + storeAfter > 0) return true
  if (world.scenario.outages.length > 0) return true
  const isTracked = domainOf(world, path)?.numbering.kind !== 'unordered'
  return !isTracked && world.history.of('died').length > 0
}

/** Whether a domain begins with whatever comes first: what lies below then is nobody's. */
export function isFirstSeen(domain: DomainScenario | undefined): boolean {
  return domain?.numbering.kind === 'contiguous' && domain.numbering.start === 'first-seen'
}

/**
 * Whether the inboxes of a domain are full: then what is refused stays with its source, and a log is read no
 * further than its worker looks ahead.
 */
export function pushesBack({ scenario }: SimulatedWorld, { streams }: ShadowStore): boolean {
  return scenario.domains.some(({ name, handedOverMax }) => {
    let size = 0
    for (const { path, inbox } of streams.values()) if (path.startsWith(`${name}/`)) size += inbox.length
    return size >= handedOverMax
  })
}

/** What must be kept for each consumer in the end. */
export function shadowsOf(world: SimulatedWorld): ReadonlyMap<string, ShadowStore> {
  const shadows = new Map(world.consumers.map(({ name }) => [name, new ShadowStore()]))
  for (const happening of world.history.happenings) {
    if ('consumer' in happening) shadows.get(happening.consumer)?.apply(happening)
  }
  return shadows
}

// I2: with transactions an effect commits with its position or not at all: never twice, never without it.
// Outside, every number that counts as delivered has had its effect.
import type { StreamPath } from '../../../src/core/stream-path.ts'
import type { SimulatedWorld } from '../simulated-world.ts'
import type { Check } from './check.ts'
import { domainOf, shadowsOf } from './check.ts'

/** Effects and deliveries agree. */
export const checkOneEffect: Check = (world) => {
  const breaches: string[] = []
  for (const [consumer, shadow] of shadowsOf(world)) {
    for (const { path, state, deliveries } of shadow.streams.values()) {
      const effects = effectsOf(world, consumer, path)
      const distinct = new Set(effects).size
      const delivered = state?.counts.delivered ?? 0
      const isTransaction = domainOf(world, path)?.effects === 'transaction'
      const where = `I2: ${consumer} ${path}:`
      if (deliveries !== delivered)
        breaches.push(`${where} ${deliveries} deliveries were counted, ${delivered} kept`)
      if (isTransaction && effects.length !== delivered)
        breaches.push(
          `${where} ${delivered} events count as delivered, and ${effects.length} effects are there`,
        )
      if (distinct < delivered)
        breaches.push(`${where} ${delivered} events count as delivered, and only ${distinct} had an effect`)
    }
    breaches.push(...repeatedUnordered(world, consumer))
  }
  return breaches
}

/** The numbers of a stream's effects. */
function effectsOf(world: SimulatedWorld, consumer: string, path: StreamPath): readonly string[] {
  return world.history
    .of('effect')
    .filter((effect) => effect.consumer === consumer && effect.produced.path === path)
    .filter(({ isRedrive }) => isRedrive !== true)
    .map(({ produced: { epoch, sequence } }) => `${epoch}/${String(sequence)}`)
}

function repeatedUnordered(world: SimulatedWorld, consumer: string): readonly string[] {
  const seen = new Set<number>()
  const breaches: string[] = []
  for (const { produced, effects, consumer: own } of world.history.of('effect')) {
    const numbering = domainOf(world, produced.path)?.numbering
    const isOnce =
      numbering?.kind === 'unordered' && numbering.idWindow !== undefined && effects === 'transaction'
    if (own !== consumer || !isOnce) continue
    if (seen.has(produced.uid))
      breaches.push(`I2: ${consumer} ${produced.path}: event ${produced.uid} had two effects`)
    seen.add(produced.uid)
  }
  return breaches
}

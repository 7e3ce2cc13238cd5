// Operators in a simulation: people who retry, skip, fill, halt, resume and pause at any moment, beside
// workers that die. They use what the command line uses.
import { InturnError } from '../../src/core/errors.ts'
import { resolveDomains } from '../../src/engine/resolve-domains.ts'
import type { DomainRules, KnownDomains } from '../../src/operate/domain-rules.ts'
import { fill, halt, resume, retry, skip } from '../../src/operate/operate-stream.ts'
import type { OperatorTarget } from '../../src/operate/operator-options.ts'
import { eachStream } from '../../src/operate/paging.ts'
import { pauseDomain, resumeDomain } from '../../src/operate/pause-domain.ts'
import { retryDeadLetters } from '../../src/operate/retry-dead-letters.ts'
import type { Store } from '../../src/ports/store.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { observedStore } from './observed-store.ts'
import { spanMax } from './producers.ts'
import type { Scenario } from './scenario.ts'
import type { Operators } from './simulate.ts'
import type { SimulatedWorld } from './simulated-world.ts'

const signed = { by: 'ann', reason: 'to see what happens', waitMs: 3_000 }

/** Operators who act until they rest. */
export function simulatedOperators(world: SimulatedWorld): Operators {
  const operators = new SimulatedOperators(world)
  operators.begin()
  return operators
}

class SimulatedOperators implements Operators {
  readonly #world: SimulatedWorld
  readonly #random: SeededRandom
  readonly #known: KnownDomains
  readonly #store: Store
  #isResting = false

  constructor(world: SimulatedWorld) {
    this.#world = world
    this.#random = new SeededRandom(world.scenario.seed ^ 0x0b5)
    this.#known = knownDomains(world.scenario)
    const { store, timers, history, scenario } = world
    const { durable } = scenario
    this.#store = observedStore(store.beside({ timers }), { history, worker: 'ann', durable })
  }

  begin(): void {
    this.#soon()
  }

  rest(): void {
    this.#isResting = true
    this.#calmDown().catch((error: unknown) => this.#note(error))
  }

  #soon(): void {
    const { timers } = this.#world
    timers.after(this.#random.whole(200, 3_000), () => {
      if (this.#isResting) return
      this.#soon()
      this.#act().catch((error: unknown) => this.#note(error))
    })
  }

  async #act(): Promise<void> {
    const random = this.#random
    await this.#store.open()
    const { consumers, produced, scenario } = this.#world
    const consumer = random.pick(consumers.map(({ name }) => name) as [string, ...string[]])
    const target = this.#target(consumer)
    const { path: stream, sequence } = random.pick(produced as [(typeof produced)[0], ...typeof produced])
    const { name: domain } = random.pick(scenario.domains as [(typeof scenario.domains)[0]])
    const request = { ...signed, stream }
    switch (random.pick(['retry', 'skip', 'halt', 'resume', 'fill', 'pause', 'unpause', 'dead'] as const)) {
      case 'retry':
        return void (await retry(target, request))
      case 'skip':
        return void (await skip(target, request))
      case 'halt':
        return void (await halt(target, request))
      case 'resume':
        return void (await resume(target, request))
      case 'fill':
        return void (await fill(target, { ...request, from: Number(sequence), to: Number(sequence) + 1 }))
      case 'pause':
        return void (await pauseDomain(target, { ...signed, domain }))
      case 'unpause':
        return void (await resumeDomain(target, { ...signed, domain }))
      case 'dead':
        return void (await retryDeadLetters(target, request))
    }
  }

  /** Nothing stays paused, and no stream halted by a person. */
  async #calmDown(): Promise<void> {
    await this.#store.open()
    const { consumers, scenario, timers } = this.#world
    await timers.sleep(5_000)
    for (const { name: consumer } of consumers) {
      const target = this.#target(consumer)
      for (const { name: domain } of scenario.domains) {
        await resumeDomain(target, { ...signed, domain }).catch(throwUnlessRefused)
      }
      for await (const { stream, state } of eachStream({ consumer, reader: target.store.reader })) {
        if (state.halt?.cause !== 'operator') continue
        await resume(target, { ...signed, stream, waitMs: 60_000 }).catch(throwUnlessRefused)
      }
    }
  }

  #target(consumer: string): OperatorTarget {
    return { store: this.#store, consumer, domains: this.#known, timers: this.#world.timers }
  }

  #note(error: unknown): void {
    if (isRefusal(error)) return
    const text = error instanceof Error ? String(error.stack) : String(error)
    this.#world.history.note({ kind: 'crashed', worker: 'ann', error: text })
  }
}

function throwUnlessRefused(error: unknown): void {
  if (!isRefusal(error)) throw error
}

function isRefusal(error: unknown): boolean {
  const codes = ['operation-refused', 'position-moved', 'stream-busy', 'usage', 'claim-lost']
  return error instanceof InturnError && codes.includes(error.code)
}

/** The rules of a scenario's domains. */
export function knownDomains({ domains }: Scenario): KnownDomains {
  const handle = (): void => undefined
  const options = domains.map(({ name, numbering, patienceMs, gapEnd, heldMax }) => {
    const tracked =
      numbering.kind === 'unordered' ? {} : { gap: { patience: patienceMs, then: gapEnd }, heldMax }
    const span = numbering.kind === 'contiguous' ? { spanMax } : {}
    return [name, { numbering, effects: 'external', handle, ...tracked, ...span }] as const
  })
  const known = new Map<string, DomainRules>()
  for (const [name, domain] of resolveDomains(Object.fromEntries(options)).byName) {
    if (domain.kind !== 'tracked') continue
    const { rules, failure, handedOverMax } = domain
    known.set(name, { rules, failure, handedOverMax })
  }
  return known
}

import type { InturnEvent } from '../../../src/core/event.ts'
import { contiguous } from '../../../src/core/numbering.ts'
// What the engine's tests stand on: a store in memory on virtual time that says it is durable, so that
// everything the engine does with a real one happens; processors and workers over it; and events in short.
import type { DomainOptions } from '../../../src/engine/domain-options.ts'
import type { ProcessResult } from '../../../src/engine/process-result.ts'
import type { ProcessorOptions } from '../../../src/engine/processor-options.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import { plainStore } from '../../../src/ports/around-store.ts'
import type { StoreMethod } from '../../../src/ports/around-store.ts'
import type { DeadLetter, LedgerEntry } from '../../../src/ports/records.ts'
import type { StoredStream } from '../../../src/ports/store-reader.ts'
import type { Store } from '../../../src/ports/store.ts'
import type { EngineNews } from '../../../src/ports/telemetry.ts'
import type { Random } from '../../../src/ports/timers.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import type { MemoryStore } from '../../../src/stores/memory.ts'
import type { FaultPlan } from '../../../src/testing/faults.ts'
import { faultyStore } from '../../../src/testing/faults.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'

/** Midway, always: waits between attempts are half of what they may be. */
export const evenRandom: Random = { next: () => 0.5 }

export const consumer = 'billing'

/** Options of a domain, however wrong. */
export type DomainShape = Readonly<Record<string, unknown>>

/** A domain that calls its handler for events that act elsewhere; fields replace the defaults. */
export function domain(fields: DomainShape): DomainOptions {
  return { numbering: contiguous(), effects: 'external', ...fields } as unknown as DomainOptions
}

export function event(stream: string, sequence: unknown, fields: object = {}): Record<string, unknown> {
  return { domain: 'account', stream, sequence, id: `${stream}-${String(sequence)}`, data: {}, ...fields }
}

export function events(stream: string, ...sequences: readonly number[]): readonly unknown[] {
  return sequences.map((sequence) => event(stream, sequence))
}

export function verdictsOf(results: readonly ProcessResult[]): readonly string[] {
  return results.map(({ verdict }) => verdict)
}

export const path = (stream: string): string => `account/${stream}`

/** A consumer's world: one store's data, one time, and what handlers did. */
export class EngineWorld {
  readonly timers: VirtualTimers = new VirtualTimers()
  readonly memory: MemoryStore
  /** `stream:sequence` of each event that a handler was called for. */
  readonly calls: string[] = []
  readonly news: EngineNews[] = []

  constructor() {
    this.memory = memoryStore({ now: () => this.now, timers: this.timers })
  }

  get now(): number {
    return 1_000_000 + this.timers.elapsedMs()
  }

  /** A client of the store of its own, with faults if there is a plan. */
  store(
    options: {
      readonly plan?: FaultPlan<StoreMethod>
      readonly durable?: boolean
      /** What renews the client's claims. */
      readonly timers?: VirtualTimers
    } = {},
  ): Store {
    const { plan = () => undefined, durable = true, timers = this.timers } = options
    return faultyStore(plainStore(this.memory.beside({ timers }), { durable }), plan, this.timers)
  }

  options(
    fields: Partial<ProcessorOptions> & { readonly domains: ProcessorOptions['domains'] },
  ): ProcessorOptions {
    return {
      consumer,
      store: this.store(),
      timers: this.timers,
      random: evenRandom,
      log: false,
      telemetry: (news) => void this.news.push(news),
      ...fields,
    }
  }

  /** A processor of one domain `account`, which sweeps when it is told to. */
  processor(fields: DomainShape = {}, options: Partial<ProcessorOptions> = {}): Processor {
    const domains = { account: domain({ handle: this.note, ...fields }) }
    return createProcessor({ ...this.options({ domains, ...options }), sweep: 'manual', ...options })
  }

  /** A handler that notes its calls. */
  readonly note = (called: InturnEvent): void => {
    this.calls.push(`${called.stream}:${String(called.sequence)}`)
  }

  /** Lets reading time pass: a beat every second. */
  async read(ms: number): Promise<void> {
    const store = this.store()
    await store.open()
    for (let passed = 0; passed < ms; passed += 1_000) {
      await store.heartbeat(consumer, 'reader')
      await this.timers.advance(1_000)
    }
    await store.heartbeat(consumer, 'reader')
  }

  async stream(stream: string): Promise<StoredStream | undefined> {
    await this.memory.open()
    return this.memory.reader.stream(consumer, path(stream))
  }

  async deadLetters(): Promise<readonly DeadLetter[]> {
    await this.memory.open()
    return this.memory.reader.deadLetters(consumer, { limit: 10_000 })
  }

  async ledger(): Promise<readonly LedgerEntry[]> {
    await this.memory.open()
    return this.memory.reader.ledger(consumer, { limit: 10_000 })
  }

  async handedOver(): Promise<number> {
    await this.memory.open()
    return (await this.memory.reader.summary(consumer)).handedOver
  }

  /** News of one kind. */
  told<Kind extends EngineNews['kind']>(kind: Kind): readonly Extract<EngineNews, { kind: Kind }>[] {
    return this.news.filter((news): news is Extract<EngineNews, { kind: Kind }> => news.kind === kind)
  }
}

/** Sweeps until nothing more is decided; a bound turns a spinning sweep into a failure. */
export async function sweepAll(processor: Processor): Promise<void> {
  for (let rounds = 0; rounds < 1_000; rounds++) if ((await processor.sweep()) === 0) return
  throw new Error('the sweep never comes to rest')
}

/** A handler that waits until it is told to go on. */
export class Gate {
  readonly #open = Promise.withResolvers<undefined>()
  readonly #reached = Promise.withResolvers<undefined>()

  /** Resolves once somebody waits. */
  get reached(): Promise<undefined> {
    return this.#reached.promise
  }

  async wait(): Promise<void> {
    this.#reached.resolve(undefined)
    await this.#open.promise
  }

  open(): void {
    this.#open.resolve(undefined)
  }
}

// One simulated worker process: a real engine on ports that fail and hang, killed in the middle of any call
// and started again with nothing in its memory.
import { errorMessage, fieldOf } from '../../src/core/thrown.ts'
import type { EngineOptions } from '../../src/engine/processor-options.ts'
import { createProcessor } from '../../src/engine/processor.ts'
import { createWorker } from '../../src/engine/worker.ts'
import { aroundStore } from '../../src/ports/around-store.ts'
import type { PortCall } from '../../src/ports/port-call.ts'
import type { Source } from '../../src/ports/source.ts'
import type { Store } from '../../src/ports/store.ts'
import { aroundSource } from '../../src/testing/around-source.ts'
import type { SourceMethod } from '../../src/testing/around-source.ts'
import { faultsByChance, faultySource, faultyStore } from '../../src/testing/faults.ts'
import type { FaultPlan } from '../../src/testing/faults.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { Copy } from './broker.ts'
import { BrokerConnection } from './broker.ts'
import type { EffectTransaction } from './effect-logs.ts'
import { Lifeline } from './lifeline.ts'
import type { Mutation } from './mutation.ts'
import { observedStore } from './observed-store.ts'
import { runPushLoop } from './push-loop.ts'
import { simulatedDomains } from './simulated-domains.ts'
import type { ConsumerWorld, SimulatedWorld } from './simulated-world.ts'
import { transactionalStore } from './transactional-store.ts'

/** What a process is made of. */
export interface WorkerProcessParts {
  readonly world: SimulatedWorld
  readonly consumer: ConsumerWorld
  readonly name: string
  readonly random: SeededRandom
  readonly mutation: Mutation
}

/** A worker that dies and comes back. */
export class WorkerProcess {
  readonly #parts: WorkerProcessParts
  #lives = 0
  #lifeline: Lifeline | undefined
  #stop: (() => Promise<void>) | undefined
  #isDone = false

  constructor(parts: WorkerProcessParts) {
    this.#parts = parts
  }

  /** Whether it was stopped, and has ended. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Starts a new life, unless one goes on. */
  start(): void {
    if (this.#lifeline !== undefined && !this.#lifeline.isDead) return
    const { world, name } = this.#parts
    const downMs = world.downUntilMs - world.timers.elapsedMs()
    if (downMs > 0) {
      world.timers.after(downMs, () => this.start())
      return
    }
    const id = `${name}.${++this.#lives}`
    const lifeline = new Lifeline(world.timers, {
      dies: (where) => this.#diesHere(where),
      stallMs: () => this.#stallMs(),
    })
    const connection = this.#connection(id, lifeline)
    this.#lifeline = lifeline
    lifeline.onDeath(() => {
      world.history.note({ kind: 'died', worker: id })
      connection.breakOff()
    })
    world.history.note({ kind: 'started', worker: id })
    const { scenario } = world
    const options = this.#options(id, lifeline)
    const source = this.#source(connection, lifeline)
    const running =
      scenario.style === 'push' ? this.#push(options, source, lifeline) : this.#pull(options, source)
    running.catch((error: unknown) => {
      if (lifeline.isDead) return
      world.history.note({
        kind: 'crashed',
        worker: id,
        error: errorMessage(fieldOf(error, 'stack') ?? error),
      })
      lifeline.die()
    })
  }

  /** Ends it at once, as `kill -9` does; it comes back when the outage is over. */
  kill(): void {
    this.#lifeline?.die()
    this.start()
  }

  /** Lets it end by itself. */
  stop(): void {
    const { world, name } = this.#parts
    const end = (): void => {
      this.#isDone = true
      world.history.note({ kind: 'stopped', worker: `${name}.${this.#lives}` })
    }
    this.#stop?.().then(end, end)
  }

  #options(id: string, lifeline: Lifeline): EngineOptions<EffectTransaction> {
    const { world, consumer } = this.#parts
    const { scenario } = world
    return {
      consumer: consumer.name,
      worker: id,
      store: this.#store(id, lifeline),
      domains: simulatedDomains(scenario.domains, {
        produced: world.produced,
        history: world.history,
        external: world.external,
        lifeline,
        consumer: consumer.name,
        worker: id,
        bulkFailures: consumer.bulkFailures,
        healer: {
          produced: world.produced,
          archived: world.archived,
          timers: lifeline.timers,
          random: new SeededRandom(scenario.seed ^ this.#lives),
          isTroubled: () => world.isTroubled,
        },
      }),
      claim: scenario.claimMs,
      batch: scenario.batch,
      concurrency: 4,
      timers: lifeline.timers,
      random: this.#parts.random,
      log: false,
      telemetry: (news) => {
        if (news.kind === 'store-failed' || news.kind === 'source-failed')
          world.history.note({ kind: 'fault', worker: id, what: news.error.message })
      },
    }
  }

  #push(
    options: EngineOptions<EffectTransaction>,
    source: Source<Copy>,
    { timers }: Lifeline,
  ): Promise<void> {
    const { world, consumer } = this.#parts
    const { batch, isSweepOff } = world.scenario
    const { reading } = consumer
    const processor = createProcessor({ ...options, sweep: 'manual' })
    const stop = new AbortController()
    const running = runPushLoop({ processor, source, timers, batch, isSweepOff, stop: stop.signal, reading })
    this.#stop = async () => {
      stop.abort()
      await running
    }
    return running
  }

  #pull(options: EngineOptions<EffectTransaction>, source: Source<Copy>): Promise<unknown> {
    const { lookAheadMax, refusePatienceMs } = this.#parts.world.scenario
    const worker = createWorker({
      ...options,
      source,
      sweepEvery: 500,
      lookAheadMax,
      refusePatience: refusePatienceMs,
    })
    this.#stop = () => worker.stop()
    return worker.run()
  }

  #connection(id: string, lifeline: Lifeline): BrokerConnection {
    const { world, consumer } = this.#parts
    return new BrokerConnection({
      copies: consumer.copies,
      consumer: consumer.name,
      connection: id,
      worker: id,
      timers: lifeline.timers,
      history: world.history,
      reading: consumer.reading,
    })
  }

  #source(connection: BrokerConnection, lifeline: Lifeline): Source<Copy> {
    const { world, mutation, random } = this.#parts
    const { sourceBefore: failBefore, sourceAfter: failAfter } = world.scenario.troubles
    const chances = { failBefore, failAfter, delay: 0, delayMsMax: 1 }
    const plan = faultsByChance<SourceMethod>(random, chances)
    // A log hands out a place once a connection: a read that fails has to fail before it.
    const ofLog: FaultPlan<SourceMethod> = (call) => {
      const fault = plan(call)
      return call.method === 'read' && fault?.fail === 'after' ? { ...fault, fail: 'before' } : fault
    }
    const planned = connection.kind === 'log' ? ofLog : plan
    const faulty = faultySource(connection, this.#whileTroubled(planned), lifeline.timers)
    const mortal = aroundSource(faulty, lifeline.around('source'))
    return mutation.source?.(mortal) ?? mortal
  }

  #store(id: string, lifeline: Lifeline): Store<EffectTransaction> {
    const { world, mutation, random } = this.#parts
    const { history, scenario } = world
    const { storeBefore: failBefore, storeAfter: failAfter, storeDelay: delay } = scenario.troubles
    const own = world.store.beside({ timers: lifeline.timers })
    const observed = observedStore(own, { history, worker: id, durable: scenario.durable })
    const transactional = transactionalStore(observed, {
      onDeath: (callback) => lifeline.onDeath(callback),
      queue: world.transactions,
      transactionsMax: scenario.transactionsMax,
      written: (consumer, effects) => {
        for (const { produced, isRedrive } of effects) {
          const own = isRedrive ? { isRedrive } : {}
          history.note({ kind: 'effect', consumer, produced, effects: 'transaction', ...own })
        }
      },
    })
    const plan = faultsByChance(random, { failBefore, failAfter, delay, delayMsMax: 300 })
    const faulty = faultyStore(transactional, this.#whileTroubled(plan), lifeline.timers)
    const mortal = aroundStore(faulty, lifeline.around('store'))
    return mutation.store?.(mortal) ?? mortal
  }

  #whileTroubled<Method extends string>(plan: FaultPlan<Method>): FaultPlan<Method> {
    return (call: PortCall<Method>) => (this.#parts.world.isTroubled ? plan(call) : undefined)
  }

  #stallMs(): number {
    const { world, random } = this.#parts
    const { troubles, claimMs } = world.scenario
    if (!world.isTroubled || !random.chance(troubles.stall)) return 0
    return random.whole(claimMs / 2, claimMs * 4)
  }

  #diesHere(where: string): boolean {
    const { world, random } = this.#parts
    const isDeadly = where.includes('deadly') || random.chance(world.scenario.troubles.death)
    if (!world.isTroubled || !isDeadly) return false
    world.timers.after(random.whole(100, 10_000), () => this.start())
    return true
  }
}

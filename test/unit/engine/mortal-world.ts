// Workers that die when a handler is called for the wrong event, and come back with nothing in their memory:
// what tests of quarantine stand on. Nothing of a dead one returns; its transaction is rolled back.
import type { InturnEvent } from '../../../src/core/event.ts'
import type { HandlerContext } from '../../../src/engine/domain-options.ts'
import type { ProcessorOptions } from '../../../src/engine/processor-options.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import { aroundStore, plainStore } from '../../../src/ports/around-store.ts'
import type { StoreMethod } from '../../../src/ports/around-store.ts'
import type { Store } from '../../../src/ports/store.ts'
import type { FaultPlan } from '../../../src/testing/faults.ts'
import { faultyStore } from '../../../src/testing/faults.ts'
import type { EffectTransaction } from '../../simulation/effect-logs.ts'
import { Lifeline } from '../../simulation/lifeline.ts'
import type { Produced } from '../../simulation/produced.ts'
import { TransactionQueue, transactionalStore } from '../../simulation/transactional-store.ts'
import type { DomainShape } from './engine-world.ts'
import { domain, EngineWorld, sweepAll } from './engine-world.ts'

/** How long claims last, and a worker may be silent, in these tests. */
export const claimMs = 6_000

/** How a life ended. */
type End = 'died' | 'lived'

/** A world in which some events end the worker that handles them. */
export class MortalWorld extends EngineWorld {
  /** `stream:sequence` of the events that are deadly. */
  readonly deadly: Set<string>
  /** `stream:sequence@attempt` of each call. */
  readonly attempts: string[] = []
  readonly effects: 'external' | 'transaction'
  /** Calls of handlers that ended, and in a transaction were committed, in order. */
  readonly done: string[] = []
  readonly #queue = new TransactionQueue()
  deaths = 0
  /** Commits that were made, and in transactions the transactions. */
  commits = 0
  /** How many transactions a worker has side by side. */
  transactionsMax = 1
  /** What goes wrong in the store. */
  plan: FaultPlan<StoreMethod> = () => undefined
  /** Is called before each unit of work, with a store that nobody dies with. */
  between: (store: Store) => Promise<void> = () => Promise.resolve()
  #lives = 0

  constructor(effects: 'external' | 'transaction', deadly: readonly string[]) {
    super()
    this.effects = effects
    this.deadly = new Set(deadly)
  }

  /** Lets a worker live until its work is done, or it dies. */
  async live(
    work: (processor: Processor) => Promise<unknown>,
    fields: DomainShape = {},
    options: Partial<ProcessorOptions> = {},
  ): Promise<End> {
    const lifeline = new Lifeline(this.timers, { dies: () => false, stallMs: () => 0 })
    const died = new Promise<End>((resolve) => lifeline.onDeath(() => resolve('died')))
    const processor = createProcessor({
      sweep: 'manual',
      ...this.options({
        domains: { account: domain({ ...this.#domain(lifeline), ...fields }) },
        store: this.mortalStore(lifeline),
        timers: lifeline.timers,
        worker: `life-${++this.#lives}`,
        claim: claimMs,
        ...options,
      }),
    })
    const end = await Promise.race([died, work(processor).then((): End => 'lived')])
    if (end === 'died') this.deaths++
    else await processor.close()
    return end
  }

  /** Gives the events to one worker after the other until one lives, and nothing more is due. */
  async outlive(
    events: readonly unknown[],
    fields: DomainShape = {},
    options: Partial<ProcessorOptions> = {},
  ): Promise<void> {
    const work = async (processor: Processor): Promise<void> => {
      await processor.sweep()
      await processor.process(events)
      for (let rounds = 0; rounds < 3; rounds++) {
        await this.timers.advance(claimMs + 1)
        await sweepAll(processor)
      }
    }
    for (let lives = 0; (await this.live(work, fields, options)) === 'died'; lives++) {
      if (lives > 200) throw new Error('the deaths never end')
      await this.timers.advance(claimMs + 1)
    }
  }

  /** The store of one life. */
  mortalStore(lifeline: Lifeline): Store {
    const beside = this.memory.beside({ timers: lifeline.timers })
    const own: Store = plainStore(beside, { durable: true })
    const store: Store =
      this.effects === 'external'
        ? own
        : transactionalStore(own, {
            queue: this.#queue,
            transactionsMax: this.transactionsMax,
            onDeath: (callback) => lifeline.onDeath(callback),
            written: (_consumer, written) => {
              this.done.push(...written.map(({ produced: { message } }) => String(message['text'])))
            },
          })
    const faulty = faultyStore(store, (call) => this.plan(call), this.timers)
    const mortal = aroundStore(faulty, lifeline.around('store'))
    return aroundStore(mortal, async ({ method }, run) => {
      if (method === (this.effects === 'external' ? 'unit.commit' : 'work')) this.commits++
      if (method === 'work') await this.between(own)
      return run()
    })
  }

  #domain(lifeline: Lifeline): DomainShape {
    const handle = async (
      called: InturnEvent,
      { attempt, transaction }: HandlerContext & { transaction?: EffectTransaction },
    ): Promise<void> => {
      this.note(called)
      const place = `${called.stream}:${String(called.sequence)}`
      this.attempts.push(`${place}@${attempt}`)
      await Promise.resolve()
      if (this.deadly.has(place)) {
        lifeline.die()
        await lifeline.step('a deadly handler')
      }
      if (transaction === undefined) this.done.push(place)
      else
        transaction.write({ produced: { message: { text: place } } as unknown as Produced, isRedrive: false })
    }
    return { effects: this.effects, handle, failure: { attempts: 3, then: 'dead-letter' } }
  }
}

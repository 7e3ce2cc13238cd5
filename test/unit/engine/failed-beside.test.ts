// What fails while others of its call go on is in hand from that moment: nothing overtakes it, and no gap
// that it closes is given up, however long the others take.
import { describe, expect, it } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { increasing } from '../../../src/core/numbering.ts'
import type { ProcessorOptions } from '../../../src/engine/processor-options.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import type { Worker } from '../../../src/engine/worker.ts'
import type { StoreMethod } from '../../../src/ports/around-store.ts'
import type { PortCall } from '../../../src/ports/port-call.ts'
import type { Fault } from '../../../src/testing/faults.ts'
import { TransactionQueue, transactionalStore } from '../../simulation/transactional-store.ts'
import type { DomainShape } from './engine-world.ts'
import { domain, event, events, Gate, verdictsOf } from './engine-world.ts'
import { WorkerWorld } from './worker-world.ts'

/** A world in which commits fail while that is wanted, and the handler of another domain waits. */
class FailingWorld extends WorkerWorld {
  readonly gate: Gate = new Gate()
  fails = 0

  /** With a domain `account` that writes in transactions, and a slow one that acts elsewhere. */
  slowOptions(fields: DomainShape): ProcessorOptions {
    const failing = this.store({ plan: (call) => this.#plan(call) })
    const queue = new TransactionQueue()
    const store = transactionalStore(failing, { queue, onDeath: () => undefined, written: () => undefined })
    const account = domain({ effects: 'transaction', handle: this.note, ...fields })
    const handle = async (called: InturnEvent): Promise<void> => {
      await this.gate.wait()
      this.note(called)
    }
    return this.options({ store, domains: { account, slow: domain({ handle }) } })
  }

  slowWorker(fields: DomainShape): Worker {
    return this.worker({}, this.slowOptions(fields))
  }

  #plan({ method }: PortCall<StoreMethod>): Fault | undefined {
    return method === 'unit.commit' && this.fails-- > 0 ? { fail: 'before' } : undefined
  }
}

const slowly = event('s', 1, { domain: 'slow' })

describe('an event of which the commit fails while another of its call is worked on', () => {
  it('is not overtaken by what is read meanwhile (I1)', async () => {
    const world = new FailingWorld()
    const worker = world.slowWorker({ numbering: increasing() })
    world.start(worker)
    world.fails = 1
    await world.source.push([slowly, ...events('a', 1)])
    await world.until(() => world.fails < 1)
    await world.source.push(events('a', 2))
    await world.timers.advance(3_000)
    world.gate.open()
    await world.until(() => world.settled.length === 3)
    expect(world.calls.filter((call) => call !== 's:1')).toEqual(['a:1', 'a:1', 'a:2'])
    expect(await world.deadLetters()).toEqual([])
    await worker.stop()
  })

  it('closes its gap before that is given up (I8)', async () => {
    const world = new FailingWorld()
    const worker = world.slowWorker({ gap: { patience: '5s', then: 'skip' } })
    world.start(worker)
    await world.source.push(events('a', 2))
    await world.until(() => world.settled.length === 1)
    await world.timers.advance(4_500)
    world.fails = 1
    await world.source.push([slowly, ...events('a', 1)])
    await world.until(() => world.fails < 1)
    await world.timers.advance(10_000)
    world.gate.open()
    await world.until(() => world.settled.length === 3)
    expect(await world.deadLetters()).toEqual([])
    expect(world.calls.at(-1)).toBe('a:2')
    await worker.stop()
  })
})

describe('events that are handed over while the turns of others cannot be planned', () => {
  it('are kept before their call fails, and are not kept twice (I3)', async () => {
    const world = new WorkerWorld()
    const gate = new Gate()
    const other = world.processor({ handle: () => gate.wait() })
    const busy = other.process(events('a', 1))
    await gate.reached
    let isWell = false
    const plan = ({ method }: PortCall<StoreMethod>): Fault | undefined => {
      if (method === 'handOver') return { delayMs: 2_000 }
      return method === 'unit.held' && !isWell ? { fail: 'before' } : undefined
    }
    const processor = world.processor({}, { store: world.store({ plan }) })
    await processor.process(events('b', 2))
    const failing = processor.process([...events('a', 2), ...events('b', 1)])
    let handedOver: number | undefined
    failing.catch(async () => (handedOver = await world.handedOver()))
    await world.timers.advance(5_000)
    await expect(failing).rejects.toMatchObject({ retryable: true })
    expect(handedOver).toBe(1)
    isWell = true
    gate.open()
    await busy
    expect(verdictsOf(await processor.process(events('b', 1)))).toEqual(['deliver'])
  })
})

describe('a list of several batches', () => {
  it('ends behind the one in which something has failed (I1)', async () => {
    const world = new FailingWorld()
    const processor = createProcessor({ ...world.slowOptions({ numbering: increasing() }), batch: 1 })
    const all = [slowly, ...events('a', 1), ...events('b', 1, 2, 3, 4, 5, 6), ...events('a', 2)]
    world.fails = 1
    const processed = processor.process(all)
    processed.catch(() => undefined)
    await world.timers.advance(1_000)
    world.gate.open()
    await expect(processed).rejects.toMatchObject({ retryable: true })
    await processor.process(all)
    expect(world.calls.filter((call) => call.startsWith('a:'))).toEqual(['a:1', 'a:1', 'a:2'])
    expect(await world.deadLetters()).toEqual([])
    await processor.close()
  })
})

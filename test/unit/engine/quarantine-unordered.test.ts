// Events without tracking that end their process: each life of it in quarantine counts, alone, and then they
// are taken out (I7); whatever was under way beside them is delivered, and counted for nothing (I6).
import { describe, expect, it } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { unordered } from '../../../src/core/numbering.ts'
import type { Engine } from '../../../src/engine/batch.ts'
import { makeEngine } from '../../../src/engine/processor-options.ts'
import { aroundStore } from '../../../src/ports/around-store.ts'
import type { DomainShape } from './engine-world.ts'
import { domain, EngineWorld } from './engine-world.ts'

const failure = { attempts: 3, then: 'dead-letter' }
const letterKey = (id: string): string => `account/s/${id}`

function message(id: string): Record<string, unknown> {
  return { domain: 'account', stream: 's', id, data: {} }
}

/** Lives of one consumer's process: its handler ends the one that it runs in for some ids. */
class Lives {
  readonly world = new EngineWorld()
  readonly deadly = new Set<string>()
  readonly handled: string[] = []
  readonly attempts: number[] = []
  leases = 0
  works = 0
  /** Which unit of work fails. */
  failsAt = 0
  #count = 0
  #died = Promise.withResolvers<'died'>()

  /** A life that begins; it knows of a death before it if it is in quarantine. */
  async begin(fields: DomainShape = {}, isQuarantined = true): Promise<Engine> {
    const store = this.world.store()
    await store.open()
    this.#died = Promise.withResolvers<'died'>()
    const nth = ++this.#count
    const { engine, parts } = makeEngine(
      this.world.options({
        worker: 'fixed',
        random: { next: () => nth / 1_000 },
        store: aroundStore(store, async ({ method }, run) => {
          if (method === 'lease') this.leases++
          if (method === 'work' && ++this.works === this.failsAt) throw new Error('the store fails')
          return run()
        }),
        domains: { account: domain({ numbering: unordered(), failure, handle: this.#handle, ...fields }) },
      }),
    )
    if (isQuarantined) parts.quarantine.left = 1_000
    return engine
  }

  /** Processes events until all have an end, or the life has. */
  async process(
    engine: Engine,
    ids: readonly string[],
    redelivered = false,
  ): Promise<readonly string[] | 'died'> {
    const processing = engine
      .process(ids.map((id) => ({ message: message(id), redelivered })))
      .then((results) => results.map(({ verdict }) => verdict))
    return Promise.race([processing, this.#died.promise])
  }

  readonly #handle = async ({ id = '' }: InturnEvent, { attempt }: { attempt: number }): Promise<void> => {
    if (this.deadly.has(id)) {
      this.attempts.push(attempt)
      this.#died.resolve('died')
      await new Promise(() => undefined)
    }
    this.handled.push(id)
  }
}

describe('an event without tracking that ends its process', () => {
  it('runs out of attempts and becomes a dead letter; the others are delivered', async () => {
    const lives = new Lives()
    lives.deadly.add('killer')
    const ids = ['one', 'killer', 'two', 'three']
    const ends: unknown[] = []
    for (let life = 0; life < 5; life++) ends.push(await lives.process(await lives.begin(), ids))
    const delivered = ['deliver', 'deliver', 'deliver', 'deliver']
    expect(ends).toEqual(['died', 'died', 'died', 'died', delivered])
    expect(lives.attempts).toEqual([1, 1, 2, 3])
    expect(await lives.world.deadLetters()).toMatchObject([
      { key: letterKey('killer'), reason: 'worker-died', attempts: 3, stream: 'account/s' },
    ])
    expect(new Set(lives.handled)).toEqual(new Set(['one', 'two', 'three']))
  })

  it('several that are deadly are each taken out, one death after another', async () => {
    const lives = new Lives()
    for (const id of ['k1', 'k2']) lives.deadly.add(id)
    let life = 0
    while ((await lives.process(await lives.begin(), ['k1', 'a', 'k2', 'b'])) === 'died') {
      if (++life > 20) throw new Error('it never comes to an end')
    }
    const letters = await lives.world.deadLetters()
    expect(letters.map(({ key, reason }) => [key, reason])).toEqual(
      ['k1', 'k2'].map((id) => [letterKey(id), 'worker-died']),
    )
    expect(life).toBeLessThanOrEqual(8)
  })

  it('is in quarantine in every life where its source says that it gave it out before', async () => {
    const lives = new Lives()
    lives.deadly.add('killer')
    const ends: unknown[] = []
    for (let life = 0; life < 5; life++)
      ends.push(await lives.process(await lives.begin({}, false), ['killer'], true))
    expect(ends).toEqual(['died', 'died', 'died', 'died', ['deliver']])
    expect((await lives.world.deadLetters()).map(({ reason }) => reason)).toEqual(['worker-died'])
  })

  it('whose domain is paused waits with its attempts used up', async () => {
    const lives = new Lives()
    lives.deadly.add('killer')
    for (let life = 0; life < 4; life++) await lives.process(await lives.begin(), ['killer'])
    const paused = [{ domain: 'account', paused: true }]
    await lives.world.memory.open()
    await lives.world.memory.record('billing', { paused })
    expect(await lives.process(await lives.begin(), ['killer'])).toEqual(['refuse'])
    expect(await lives.world.deadLetters()).toEqual([])
  })
})

describe('events without tracking that end no process', () => {
  it('cost nothing while nothing has died', async () => {
    const lives = new Lives()
    expect(await lives.process(await lives.begin({}, false), ['a', 'b'])).toEqual(['deliver', 'deliver'])
    expect(lives.leases).toBe(0)
  })

  it('leave no lease, whether they are handled or fail: no later life takes them for deadly', async () => {
    const lives = new Lives()
    const calls: number[] = []
    const handle = async ({ id }: InturnEvent, { attempt }: { attempt: number }): Promise<void> => {
      calls.push(attempt)
      if (id === 'bad') throw new Error('no')
    }
    for (let life = 0; life < 6; life++) {
      const processing = lives.process(await lives.begin({ handle }), ['good', 'bad'])
      for (let waits = 0; waits < 3; waits++) {
        await lives.world.timers.rest()
        await lives.world.timers.advance(60_000)
      }
      expect(await processing).toEqual(['deliver', 'deliver'])
    }
    expect(calls).toEqual(Array.from({ length: 6 }, () => [1, 1, 2, 3]).flat())
    const letters = await lives.world.deadLetters()
    expect(letters.map(({ reason }) => reason)).toEqual(['failed'])
  })

  it('copies of one that come together are handled once within the id window', async () => {
    const lives = new Lives()
    const engine = await lives.begin({ numbering: unordered({ idWindow: {} }) })
    const verdicts = await lives.process(engine, ['a', 'b', 'a'])
    expect(Array.from(verdicts).toSorted()).toEqual(['deliver', 'deliver', 'duplicate'])
    expect(lives.handled.toSorted()).toEqual(['a', 'b'])
  })

  it('are answered each as soon as it is durable, whatever becomes of the next one', async () => {
    const lives = new Lives()
    lives.failsAt = 2
    const engine = await lives.begin({ numbering: unordered({ orderWithin: '1s' }) })
    const answered: number[] = []
    const messages = ['a', 'b'].map((id) => ({ message: message(id) }))
    const call = engine.submit(messages, { answered: ({ index }) => answered.push(index) })
    await expect(call.done).rejects.toThrow('the store fails')
    expect([answered, lives.handled]).toEqual([[0], ['a']])
  })

  it('keep their order by id where their domain wants it', async () => {
    const lives = new Lives()
    const ids = ['05', '03', '04', '01', '02']
    const numbering = unordered({ orderWithin: '1s' })
    await lives.process(await lives.begin({ numbering }), ids)
    expect(lives.handled).toEqual(ids.toSorted())
  })
})

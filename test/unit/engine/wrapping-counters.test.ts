// A counter of 256 numbers loses one and goes on: nothing is taken for anything else, whatever the source,
// and each way on that is offered leads on.
import { describe, expect, test } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { contiguous } from '../../../src/core/numbering.ts'
import { resolveDomains } from '../../../src/engine/resolve-domains.ts'
import type { KnownDomains } from '../../../src/operate/domain-rules.ts'
import { explanationLines } from '../../../src/operate/explain-text.ts'
import { explainStream } from '../../../src/operate/explain.ts'
import { fill, resume, skip } from '../../../src/operate/operate-stream.ts'
import { consumer, domain, EngineWorld, path, verdictsOf } from './engine-world.ts'
import { WorkerWorld } from './worker-world.ts'

const numbering = contiguous({ start: 0, modulus: 256 })
const operator = { by: 'ann', reason: 'the device lost one' }
const range = (low: number, high: number): number[] =>
  Array.from({ length: high - low + 1 }, (_, at) => low + at)
const calls = (low: number, high: number): string[] => range(low, high).map((sequence) => `a:${sequence}`)
/** Events as the device sends them, without an id: many bear the same data. */
const sent = (low: number, high: number): readonly Record<string, unknown>[] =>
  range(low, high).map((n) => ({ domain: 'account', stream: 'a', sequence: n % 256, data: { reading: 7 } }))

function knownDomains(): KnownDomains {
  const found = resolveDomains({ account: domain({ numbering, handle: () => undefined }) }).byName.get(
    'account',
  )
  if (found?.kind !== 'tracked') throw new Error('the domain is not tracked')
  return new Map([['account', { rules: found.rules, failure: { attempts: 5, then: 'halt' } }]])
}

async function targetIn(world: EngineWorld) {
  const store = world.store()
  await store.open()
  return { store, consumer, domains: knownDomains(), timers: world.timers }
}

async function wordsIn(world: EngineWorld): Promise<string> {
  const stored = await world.stream('a')
  if (stored === undefined) throw new Error('the stream is missing')
  const view = { reader: world.memory.reader, consumer }
  return explanationLines(await explainStream(view, stored, knownDomains()), { hasCommand: () => true }).join(
    '\n',
  )
}

describe('a stream that stands for half a turn (I1, I3)', () => {
  test('refuses what cannot be placed, takes nothing for anything else, and says so', async () => {
    const world = new EngineWorld()
    const processor = world.processor({ numbering })
    await processor.process(sent(0, 511))
    const results = await processor.process(sent(513, 912))
    const expected = [...range(513, 638).map(() => 'hold'), ...range(639, 912).map(() => 'refuse')]
    expect(verdictsOf(results)).toEqual(expected)
    expect(world.calls).toEqual(calls(0, 511))
    expect(await world.deadLetters()).toEqual([])
    expect((await world.stream('a'))?.state.halt).toMatchObject({ cause: 'half-turn' })
    expect((await world.ledger()).map(({ kind }) => kind)).toEqual(['halted'])
    const words = await wordsIn(world)
    expect(words).toContain('It is halted: its counter has gone too far')
    expect(words).toContain('refused, and stays with its source')
    expect(words).toContain('inturn skip account/a --sequence 0')
    expect(words).toContain('inturn resume account/a')
  })

  test('takes the missing event while it can be placed, and goes on by itself', async () => {
    const world = new EngineWorld()
    const processor = world.processor({ numbering })
    await processor.process([...sent(0, 511), ...sent(513, 639)])
    expect((await world.stream('a'))?.state.halt).toMatchObject({ cause: 'half-turn' })
    await processor.process(sent(512, 512))
    expect(world.calls).toEqual(calls(0, 638))
    expect((await world.stream('a'))?.state.halt).toBeUndefined()
    await processor.process(sent(639, 639))
    expect(world.calls).toEqual(calls(0, 639))
  })

  test('takes an answer of a healer for what was asked', async () => {
    const world = new EngineWorld()
    const asked: unknown[] = []
    const healer = {
      name: 'archive',
      heal: async (request: { readonly from: unknown }): Promise<readonly unknown[]> => {
        asked.push(request.from)
        return sent(512, 512)
      },
    }
    const gap = { heal: { with: healer, after: '1s' } }
    const processor = world.processor({ numbering, gap })
    await processor.process([...sent(0, 511), ...sent(513, 912)])
    await world.read(2_000)
    await processor.sweep()
    for (let at = 0; at < 100 && world.calls.length < 639; at++) await world.timers.advance(10)
    expect(asked[0]).toBe(512)
    expect(world.calls).toEqual(calls(0, 638))
    await processor.close?.()
  })

  test.each(['skip', 'fill'] as const)(
    'a log that has all of it goes on in order after %s and resume',
    async (way) => {
      const world = new WorkerWorld()
      const worker = world.worker({ numbering }, { refusePatience: '1s' })
      await world.source.push([...sent(0, 511), ...sent(513, 1_500)])
      world.start(worker)
      await world.until(() => world.news.some(({ kind }) => kind === 'halted'))
      await world.timers.advance(5_000)
      expect(world.calls).toEqual(calls(0, 511))
      expect(await world.deadLetters()).toEqual([])
      const target = await targetIn(world)
      const request = { ...operator, stream: path('a') }
      if (way === 'skip') await skip(target, { ...request, sequence: 0 })
      else await fill(target, { ...request, from: 0, to: 0 })
      await world.until(() => world.calls.includes('a:638'))
      await world.timers.advance(2_000)
      expect(world.calls).toEqual([...calls(0, 511), ...calls(513, 638)])
      await world.source.push([...sent(1_501, 1_600)])
      await resume(target, request)
      await world.until(() => world.calls.includes('a:1600'))
      expect(world.calls).toEqual([...calls(0, 511), ...calls(513, 1_600)])
      expect((await world.stream('a'))?.state.halt).toBeUndefined()
      await worker.stop()
      expect(world.crashes).toEqual([])
    },
  )

  test('keeps the mark of an epoch that has ended, when the open one is resumed', async () => {
    const world = new EngineWorld()
    const processor = world.processor({ numbering: contiguous({ start: 0, modulus: 8 }) })
    const sentIn = (epoch: number, ...numbers: readonly number[]) =>
      numbers.map((n) => ({
        domain: 'account',
        stream: 'a',
        epoch,
        sequence: n % 8,
        id: `${epoch}-${n}`,
        data: {},
      }))
    const old = sentIn(0, 0, ...range(2, 20))
    const results = await processor.process([...old, ...sentIn(1, 0, ...range(2, 9))])
    const refused = old.filter((_, at) => results[at]?.verdict === 'refuse')
    expect(refused.length).toBeGreaterThan(8)
    expect((await world.stream('a'))?.state).toMatchObject({ epoch: 1, halt: { cause: 'half-turn' } })
    await resume(await targetIn(world), { ...operator, stream: path('a') })
    expect(new Set(verdictsOf(await processor.process(refused)))).toEqual(new Set(['stale']))
  })

  test.each([
    ['a store', 0, '250ms'],
    ['a store that takes longer than sweeps are apart', 40, '10ms'],
  ] as const)('keeps no run until caught-up from its end, over %s', async (_, delayMs, sweepEvery) => {
    const world = new WorkerWorld()
    await world.source.push([...sent(0, 511), ...sent(513, 912)])
    const store = world.store({ plan: ({ method }) => (method === 'work' ? { delayMs } : undefined) })
    await world.runOut(world.worker({ numbering }, { store, sweepEvery }))
    expect(world.calls).toEqual(calls(0, 511))
    expect((await world.stream('a'))?.state.halt).toMatchObject({ cause: 'half-turn' })
    // What was refused is still with the source.
    expect(world.settled).toHaveLength(638)
    expect(await world.deadLetters()).toEqual([])
  })

  test('ends a run until caught-up only once it was offered what an offer has made room for', async () => {
    const world = new WorkerWorld()
    await world.source.push(sent(0, 7))
    // The retry is due only when what was refused is offered again, which takes a while.
    const store = world.store({ plan: ({ method }) => (method === 'work' ? { delayMs: 40 } : undefined) })
    let failures = 0
    const handle = (called: InturnEvent): void => {
      if (called.sequence === 2 && failures++ === 0) throw new Error('away')
      world.note(called)
    }
    const failure = { backoff: 30 }
    const shape = { numbering: contiguous({ start: 0, modulus: 8 }), handle, failure }
    await world.runOut(world.worker(shape, { store, sweepEvery: '10ms' }))
    expect([failures, world.calls]).toEqual([2, calls(0, 7)])
  })

  test('a log offers a refused copy with the number that it had, however far the counter is', async () => {
    const world = new WorkerWorld()
    const worker = world.worker({ numbering: contiguous({ start: 0, modulus: 16 }), heldMax: 1 })
    const sent16 = (...numbers: readonly number[]) =>
      numbers.map((n) => ({ domain: 'account', stream: 'a', sequence: n % 16, data: { n } }))
    // There is no room for the first copy of 3, and the stream goes on behind the second.
    await world.source.push(sent16(0, 2, 3, 1, 3, ...range(4, 30)))
    world.start(worker)
    await world.until(() => world.calls.includes('a:30'))
    await world.timers.advance(5_000)
    await world.source.push(sent16(...range(31, 60)))
    await world.until(() => world.settled.length === 62)
    expect(world.calls).toEqual(calls(0, 60))
    expect(await world.deadLetters()).toEqual([])
    await worker.stop()
    expect(world.crashes).toEqual([])
  })

  test('a queue gets back what cannot be placed, for as long as that lasts', async () => {
    const world = new WorkerWorld('queue')
    const worker = world.worker({ numbering }, { refusePatience: '1s' })
    await world.source.push([...sent(0, 511), ...sent(513, 912)])
    world.start(worker)
    await world.until(() => world.news.some(({ kind }) => kind === 'halted'))
    await world.timers.advance(10_000)
    expect(world.calls).toEqual(calls(0, 511))
    expect(await world.deadLetters()).toEqual([])
    expect(world.settled).toHaveLength(638)
    await worker.stop()
  })
})

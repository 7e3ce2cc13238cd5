// Retrying and dropping dead letters as operators do: nothing is lost, nothing has two effects, and the
// ledger says who did what (I2, I3).
import { describe, expect, test } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { letterReader } from '../../../src/engine/letter-reader.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import { dropDeadLetters } from '../../../src/operate/drop-dead-letters.ts'
import type { OperatorTarget } from '../../../src/operate/operator-options.ts'
import { retryDeadLetters } from '../../../src/operate/retry-dead-letters.ts'
import { verifyConsumer } from '../../../src/operate/verify.ts'
import type { DomainShape } from '../engine/engine-world.ts'
import { consumer, domain, EngineWorld, event, events, path, sweepAll } from '../engine/engine-world.ts'

const operator = { by: 'ada', reason: 'the bank is back' }
const failure = { attempts: 1, then: 'dead-letter' } as const

async function operatedWorld(fields: DomainShape = {}) {
  const world = new EngineWorld()
  const fails = new Set([2, 3])
  const handle = (called: InturnEvent): void => {
    world.note(called)
    if (fails.has(Number(called.sequence))) throw new Error(`no ${String(called.sequence)}`)
  }
  const processor = world.processor({ handle, failure, ...fields })
  await world.memory.open()
  const store = world.store()
  await store.open()
  const target: OperatorTarget = { store, consumer, domains: new Map(), timers: world.timers }
  return { world, fails, processor, target }
}

async function expectBalance(world: EngineWorld): Promise<void> {
  const verified = await verifyConsumer({ reader: world.memory.reader, consumer }, new Map())
  expect(verified.imbalances).toEqual([])
}

/** Lets virtual time pass until something has ended. */
async function passing<Result>(world: EngineWorld, work: Promise<Result>): Promise<Result> {
  const end = { isOver: false }
  const ended = work.finally(() => {
    end.isOver = true
  })
  ended.catch(() => undefined)
  while (!end.isOver) await world.timers.advance(50)
  return ended
}

async function reasons(world: EngineWorld): Promise<readonly string[]> {
  return (await world.deadLetters()).map(({ reason }) => reason)
}

describe('retry', () => {
  test('those of one reason are handed over, and a worker tries each', async () => {
    const { world, fails, processor, target } = await operatedWorld()
    await processor.process([...events('a', 1, 2, 3, 4), ...events('b', 1, 2), { domain: 'account' }])
    fails.clear()
    const retried = await retryDeadLetters(target, { ...operator, only: 'failed' })
    expect(retried).toEqual({ handedOver: 3, admitted: 0, waiting: 0, gone: 0, refused: 0, refusals: [] })
    expect(world.calls).toHaveLength(6)
    const again = await retryDeadLetters(target, { ...operator, only: 'failed' })
    expect(again).toMatchObject({ handedOver: 0, waiting: 3 })
    await sweepAll(processor)
    expect(world.calls.slice(6).toSorted()).toEqual(['a:2', 'a:3', 'b:2'])
    expect(await reasons(world)).toEqual(['invalid'])
    await expectBalance(world)
  })

  test('one by its key, or all of a stream; a key that is unknown is refused', async () => {
    const { world, fails, processor, target } = await operatedWorld()
    await processor.process([...events('a', 1, 2, 3), ...events('b', 1, 2)])
    fails.clear()
    const [letter] = await world.deadLetters()
    expect(await retryDeadLetters(target, { ...operator, key: letter?.key ?? '' })).toMatchObject({
      handedOver: 1,
    })
    expect(await retryDeadLetters(target, { ...operator, stream: path('b') })).toMatchObject({
      handedOver: 1,
    })
    await sweepAll(processor)
    expect(await world.deadLetters()).toMatchObject([{ stream: path('a'), sequence: 3 }])
    await expect(retryDeadLetters(target, { ...operator, key: 'x' })).rejects.toMatchObject({
      code: 'operation-refused',
    })
    await expect(retryDeadLetters(target, operator)).rejects.toMatchObject({ code: 'usage' })
    await expect(retryDeadLetters(target, { by: 'ada', reason: ' ', key: 'x' })).rejects.toMatchObject({
      code: 'usage',
    })
  })

  test('an invalid one that is readable by now is taken back by its stream, in order, once', async () => {
    const { world, fails, processor, target } = await operatedWorld()
    fails.clear()
    const wrong = [3, 2].map((sequence) => event('a', sequence, { domain: 'konto' }))
    await processor.process([...events('a', 1, 4), ...wrong])
    expect(await reasons(world)).toEqual(['invalid', 'invalid'])
    const eventFrom = (fields: Readonly<Record<string, unknown>>) => ({
      ...fields,
      domain: String(fields['domain']).replace('konto', 'account'),
    })
    const read = letterReader({ domains: { account: domain({ handle: world.note }) }, eventFrom })
    const request = { ...operator, only: 'invalid', read } as const
    expect(await retryDeadLetters(target, { ...operator, only: 'invalid' })).toMatchObject({ refused: 2 })
    const retries = ['ada', 'bob'].map((by) => retryDeadLetters(target, { ...request, by }))
    const both = await passing(world, Promise.all(retries))
    expect(both.reduce((sum, { admitted }) => sum + admitted, 0)).toBe(2)
    await expectBalance(world)
    await sweepAll(processor)
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:3', 'a:4'])
    expect(await world.deadLetters()).toEqual([])
    const ledger = await world.ledger()
    expect(ledger.filter(({ kind }) => kind === 'redriven')).toHaveLength(2)
    for (const by of ['ada', 'bob']) expect(ledger.filter((entry) => entry.by === by)).toHaveLength(2)
    await expectBalance(world)
  })

  test.each(['one after the other', 'at once'])(
    'of two operators %s both leave a trace, one effect',
    async (how) => {
      const { world, fails, processor, target } = await operatedWorld()
      await processor.process(events('a', 1, 2))
      fails.clear()
      const [letter] = await world.deadLetters()
      const retry = (by: string): Promise<unknown> =>
        retryDeadLetters(target, { by, reason: `${by} says so`, key: letter?.key ?? '' })
      if (how === 'at once') await Promise.all([retry('ada'), retry('bob')])
      else for (const by of ['ada', 'bob']) await retry(by)
      await sweepAll(processor)
      expect(world.calls).toEqual(['a:1', 'a:2', 'a:2'])
      const about = { stream: path('a'), from: 2, to: 2, before: { key: letter?.key, reason: 'failed' } }
      const asked = (await world.ledger()).filter(({ kind }) => kind === 'redrive-asked')
      expect(asked).toMatchObject(['ada', 'bob'].map((by) => ({ ...about, by, reason: `${by} says so` })))
      expect((await world.ledger()).filter(({ kind }) => kind === 'redriven')).toHaveLength(1)
      await expectBalance(world)
    },
  )

  test('what is still invalid stays, and says why', async () => {
    const { world, processor, target } = await operatedWorld()
    await processor.process(['{"domain":'])
    const read = letterReader({ domains: { account: domain({ handle: world.note }) } })
    const { refused, refusals } = await retryDeadLetters(target, { ...operator, only: 'invalid', read })
    expect(refused).toBe(1)
    expect(refusals[0]?.why).toContain('it cannot be read now either: ')
    expect(await reasons(world)).toEqual(['invalid'])
  })

  test('an implausible number is believed once the limit is higher, and not before', async () => {
    const { world, fails, processor, target } = await operatedWorld({ spanMax: 10 })
    fails.clear()
    await processor.process(events('a', 1, 50))
    const read = letterReader({ domains: { account: domain({ handle: world.note }) } })
    const request = { ...operator, only: 'implausible', read } as const
    expect(await retryDeadLetters(target, request)).toMatchObject({ admitted: 1 })
    await sweepAll(processor)
    expect(await reasons(world)).toEqual(['implausible'])
    await retryDeadLetters(target, request)
    const wider = world.processor({ spanMax: 100 })
    await sweepAll(wider)
    expect(await world.deadLetters()).toEqual([])
    expect((await world.stream('a'))?.state.heldCount).toBe(1)
    await expectBalance(world)
  })

  test('one that its domain names the fields of is read again as it was kept', async () => {
    const fields = { fields: { stream: 'order_id', sequence: 'meta.n', id: 'meta.n', data: 'body' } }
    const { world, fails, processor, target } = await operatedWorld({ spanMax: 10, ...fields })
    fails.clear()
    const message = (n: number): unknown => ({ order_id: 'a', meta: { n }, body: { n } })
    await processor.process([message(1), message(50)])
    expect(await reasons(world)).toEqual(['implausible'])
    const read = letterReader({ domains: { account: domain({ handle: world.note, ...fields }) } })
    expect(await retryDeadLetters(target, { ...operator, only: 'implausible', read })).toMatchObject({
      admitted: 1,
      refusals: [],
    })
    await sweepAll(world.processor({ spanMax: 100, ...fields }))
    expect(await reasons(world)).toEqual([])
    expect((await world.stream('a'))?.state.held).toMatchObject([{ to: 50 }])
  })

  test('a wrapped counter is read again by its number on the wire', async () => {
    const numbering = { kind: 'contiguous', start: 'first-seen', modulus: 100 }
    const { world, fails, processor, target } = await operatedWorld({ numbering, spanMax: 10 })
    fails.clear()
    await processor.process(events('a', 98, 99, 0, 20))
    expect(await reasons(world)).toEqual(['implausible'])
    const domains = { account: domain({ handle: world.note, numbering, spanMax: 40 }) }
    await retryDeadLetters(target, { ...operator, only: 'implausible', read: letterReader({ domains }) })
    await sweepAll(world.processor({ numbering, spanMax: 40 }))
    expect(await world.deadLetters()).toEqual([])
    expect((await world.stream('a'))?.state.held).toMatchObject([{ to: 120 }])
  })

  test('a fill is refused, with the reason', async () => {
    const { world, target } = await operatedWorld()
    const payload = { stream: 'a', fill: {} }
    const letter = { key: 'f', reason: 'stale', payload, stream: path('a'), detail: '', at: 1 } as const
    await world.memory.record(consumer, { deadLetters: [letter] })
    const { refusals } = await retryDeadLetters(target, { ...operator, only: 'stale' })
    expect(refusals[0]?.why).toBe('it is a fill, which has no handler')
    await expect(retryDeadLetters(target, { ...operator, key: 'f' })).rejects.toMatchObject({
      code: 'operation-refused',
    })
  })

  test('one that is read again is in an inbox before it is no dead letter any more', async () => {
    const { world, fails, processor, target } = await operatedWorld({ spanMax: 10 })
    fails.clear()
    await processor.process(events('a', 1, 50))
    const read = letterReader({ domains: { account: domain({ handle: world.note }) } })
    const store = world.store({
      plan: ({ method }) => (method === 'unit.commit' ? { fail: 'before' } : undefined),
    })
    await store.open()
    const failing = retryDeadLetters({ ...target, store }, { ...operator, only: 'implausible', read })
    await expect(passing(world, failing)).rejects.toMatchObject({ code: 'store-unavailable' })
    expect(await reasons(world)).toEqual(['implausible'])
    expect(await world.handedOver()).toBe(1)
    await retryDeadLetters(target, { ...operator, only: 'implausible', read })
    await sweepAll(world.processor({ spanMax: 100 }))
    expect(await reasons(world)).toEqual([])
    expect((await world.stream('a'))?.state).toMatchObject({ heldCount: 1, duplicates: { count: 1 } })
    await expectBalance(world)
  })

  test('waits for room in the inboxes, and leaves the rest', async () => {
    const { world, target } = await operatedWorld()
    const letter = (index: number) => ({
      key: `k${index}`,
      reason: 'failed' as const,
      detail: '',
      stream: path(`s${index}`),
      payload: event(`s${index}`, 1),
      at: 1,
    })
    const deadLetters = Array.from({ length: 5_200 }, (_, index) => letter(index))
    await world.memory.record(consumer, { deadLetters })
    const retrying = retryDeadLetters(target, { ...operator, only: 'failed', waitMs: 300 })
    expect(await passing(world, retrying)).toMatchObject({ handedOver: 5_000, refused: 200 })
  })
})

describe('drop', () => {
  test('forgets it, with what it was in the ledger; a second drop finds it gone', async () => {
    const { world, processor, target } = await operatedWorld()
    await processor.process([...events('a', 1, 2, 3), { domain: 'account' }])
    const letter = (await world.deadLetters()).find(({ sequence }) => sequence === 2)
    const request = { ...operator, stream: path('a') }
    const both = await passing(world, Promise.all([1, 2].map(() => dropDeadLetters(target, request))))
    expect(both.map(({ dropped }) => dropped).toSorted((a, b) => a - b)).toEqual([0, 2])
    expect(await dropDeadLetters(target, { ...operator, only: 'invalid' })).toMatchObject({ dropped: 1 })
    expect(await world.deadLetters()).toEqual([])
    const entries = (await world.ledger()).filter(({ kind }) => kind === 'dropped')
    expect(entries).toHaveLength(3)
    expect(entries[0]).toMatchObject({
      stream: path('a'),
      from: 2,
      to: 2,
      ...operator,
      before: {
        key: letter?.key,
        reason: 'failed',
        id: 'a-2',
        sequence: 2,
        attempts: 1,
        detail: 'Error: no 2',
      },
    })
    await expectBalance(world)
  })

  test('of one that waits to be tried again wins: its handler is not called', async () => {
    const { world, processor, target } = await operatedWorld()
    await processor.process(events('a', 1, 2))
    await retryDeadLetters(target, { ...operator, only: 'failed' })
    await dropDeadLetters(target, { ...operator, only: 'failed' })
    await sweepAll(processor)
    expect(world.calls).toEqual(['a:1', 'a:2'])
    expect(await world.deadLetters()).toEqual([])
    expect(await world.handedOver()).toBe(0)
  })
})

test('a worker that is busy with the stream is waited for, then named', async () => {
  const { world, processor, target } = await operatedWorld()
  await processor.process(events('a', 1, 2))
  const gate = Promise.withResolvers<undefined>()
  const holder: Processor = world.processor({ handle: () => gate.promise, timeout: '10m' }, { worker: 'w7' })
  const busy = holder.process(events('a', 3))
  await world.timers.rest()
  const dropping = dropDeadLetters(target, { ...operator, stream: path('a'), waitMs: 500 })
  dropping.catch(() => undefined)
  await world.timers.advance(1_000)
  await expect(dropping).rejects.toMatchObject({ code: 'stream-busy', retryable: true })
  gate.resolve(undefined)
  await busy
  expect(await dropDeadLetters(target, { ...operator, stream: path('a') })).toMatchObject({ dropped: 1 })
})

// Dead letters and ledger entries have a limit, at which nothing more is processed and nothing is lost (I7).
import { expect, it } from 'vitest'
import { dropDeadLetters } from '../../../src/operate/drop-dead-letters.ts'
import { consumer, event, events, verdictsOf } from './engine-world.ts'
import { WorkerWorld } from './worker-world.ts'

const unreadable = (count: number): readonly unknown[] =>
  Array.from({ length: count }, (_, index) => event('a', 'one', { id: `x${index}` }))

it('a worker with too many dead letters waits, says so, and goes on when there is room', async () => {
  const world = new WorkerWorld()
  await world.source.push(unreadable(3))
  await world.runOut(world.worker())
  await world.source.push(events('a', 1, 2))
  const worker = world.worker({}, { deadLettersMax: 3, ledgerMax: 10 })
  world.start(worker)
  const told = (): readonly unknown[] => world.news.filter(({ kind }) => kind === 'records-full')
  await world.until(() => told().length === 1)
  await world.timers.advance(60_000)
  expect(world.calls).toEqual([])
  expect(world.source.unsettled).toBe(2)
  expect(told(), 'it is told once').toMatchObject([{ error: { code: 'records-full', retryable: true } }])
  await world.memory.open()
  const target = { store: world.memory, consumer, domains: new Map() }
  await dropDeadLetters(target, { by: 'ann', reason: 'noise', only: 'invalid' })
  await world.until(() => world.source.unsettled === 0)
  expect(world.calls).toEqual(['a:1', 'a:2'])
  expect(told().at(-1), 'and so is the end of it').toEqual({ kind: 'records-full' })
  await worker.stop()
})

it('sweeps go on meanwhile, so that what is held and due moves', async () => {
  const world = new WorkerWorld()
  let failures = 1
  const handle = (): void => {
    if (failures-- > 0) throw new Error('not yet')
  }
  await world.source.push([...unreadable(1), ...events('a', 1)])
  const first = world.worker({ handle, failure: { backoff: '1m' } })
  world.start(first)
  await world.until(() => world.news.some(({ kind }) => kind === 'failed'))
  await first.stop()
  await world.source.push(events('b', 1))
  const second = world.worker({ handle, failure: { backoff: '1m' } }, { deadLettersMax: 1 })
  world.start(second)
  await world.timers.advance(120_000)
  expect((await world.stream('a'))?.state.position).toBe(1)
  expect(await world.stream('b')).toBeUndefined()
  await second.stop()
})

it('a processor refuses whole calls, and the ledger has a limit too', async () => {
  const world = new WorkerWorld()
  await world.memory.open()
  const entry = { kind: 'halted', by: 'ann', reason: 'because', at: 0 } as const
  await world.memory.record(consumer, { ledger: [entry, entry] })
  const full = world.processor({}, { ledgerMax: 2 })
  await expect(full.process(events('a', 1))).rejects.toMatchObject({ code: 'records-full' })
  expect(world.calls).toEqual([])
  expect(verdictsOf(await world.processor({}, { ledgerMax: 3 }).process(events('a', 1)))).toEqual(['deliver'])
})

it('what is no limit is refused', () => {
  const world = new WorkerWorld()
  expect(() => world.worker({}, { deadLettersMax: 0 })).toThrow(/deadLettersMax/)
  expect(() => world.processor({}, { ledgerMax: 1.5 })).toThrow(/ledgerMax/)
})

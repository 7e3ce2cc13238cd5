// Healing beside a worker's loop: it keeps nobody waiting, ends with its worker, and is waited for by those
// who want to be caught up. I6, I8 and I10.
import { expect, test } from 'vitest'
import type { EventFrom } from '../../../src/core/event-from.ts'
import { contiguous, increasing } from '../../../src/core/numbering.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import { aroundStore } from '../../../src/ports/around-store.ts'
import type { Fault } from '../../../src/testing/faults.ts'
import { domain, EngineWorld, event, events } from './engine-world.ts'
import type { DomainShape } from './engine-world.ts'
import { HealWorld } from './heal-world.ts'

test('a worker that runs until it is caught up waits for the attempts that are left', async () => {
  const world = new HealWorld()
  await world.source.push(events('a', 2))
  let attempts = 0
  world.answer = () => (++attempts < 3 ? [] : [event('a', 1)])
  await world.runOut(world.worker(world.healed({ attempts: 5 })))
  expect(world.calls).toEqual(['a:1', 'a:2'])
  expect(attempts).toBe(3)
  expect(world.source.unsettled).toBe(0)
})

test('a healer is told how its worker finds events in messages', async () => {
  const world = new HealWorld()
  const eventFrom: EventFrom = ({ key, n }) => ({ stream: String(key).toUpperCase(), sequence: n, data: {} })
  await world.source.push([{ key: 'a', n: 2 }])
  world.answer = () => [{ key: 'a', n: 1 }]
  await world.runOut(world.worker(world.healed(), { eventFrom }))
  expect(world.calls).toEqual(['A:1', 'A:2'])
  expect(world.asked[0]?.eventFrom).toBe(eventFrom)
})

test('it waits for no more than the last attempt: for patience nobody waits', async () => {
  const world = new HealWorld()
  await world.source.push(events('a', 2))
  await world.runOut(world.worker(world.healed({ attempts: 2 }, { patience: '1h', then: 'skip' })))
  expect(world.asked).toHaveLength(2)
  expect(world.calls).toEqual([])
})

test('a gap whose last attempt ends while a sweep is on its way is given up all the same', async () => {
  const world = new HealWorld()
  await world.source.push(events('a', 2))
  world.answer = async () => {
    await world.timers.sleep(300)
    return []
  }
  const gap = { patience: '100ms', then: 'skip' } as const
  // What is due is found at once, and heard of late.
  const store = aroundStore(world.store(), async ({ method }, run) => {
    const found = await run()
    if (method === 'due') await world.timers.sleep(400)
    return found
  })
  await world.runOut(world.worker(world.healed({ attempts: 1 }, gap), { store }))
  expect(world.asked).toHaveLength(1)
  expect(world.calls).toEqual(['a:2'])
})

test('a request that hangs keeps no other stream, and no other gap, waiting (I6)', async () => {
  const world = new HealWorld()
  world.answer = (request) =>
    request.stream === 'slow' ? new Promise(() => undefined) : world.lookUp(request)
  world.has('quick', 1)
  const worker = world.worker(world.healed())
  world.start(worker)
  await world.source.push([...events('slow', 2), ...events('quick', 2)])
  await world.until(() => world.calls.includes('quick:2'))
  await world.source.push(events('other', 1, 2))
  await world.until(() => world.calls.includes('other:2'))
  expect(world.asked.filter(({ stream }) => stream === 'slow')).toHaveLength(1)
  expect(world.timers.elapsedMs()).toBeLessThan(5_000)
  await worker.stop()
})

test.each(['stop', 'stopNow'] as const)(
  '%s ends a request that hangs, and waits for its job',
  async (how) => {
    const world = new HealWorld()
    world.answer = () => new Promise(() => undefined)
    const worker = world.worker(world.healed())
    world.start(worker)
    await world.source.push(events('a', 2))
    await world.until(() => world.asked.length > 0)
    let isEnded = false
    const stopping = worker[how]().finally(() => {
      isEnded = true
    })
    await world.until(() => isEnded)
    await stopping
    expect(world.asked.map(({ signal }) => signal.aborted)).toEqual([true])
    expect(world.crashes).toEqual([])
    const { clock } = (await world.stream('a'))?.state.held[0] ?? {}
    expect(clock?.heal?.attempts).toBe(1)
    // Whoever stops in good order says when the next attempt may come; whoever stops at once does not.
    const waitMs = (clock?.heal?.nextAt ?? 0) - world.now
    expect(waitMs <= 1_000 ? 'stop' : 'stopNow').toBe(how)
    await world.timers.advance(100_000)
    expect(world.asked).toHaveLength(1)
  },
)

test('a store that fails ends the job; its attempt counts, and the next one heals (I10)', async () => {
  const world = new HealWorld()
  world.has('a', 1)
  let failures = 0
  const plan = ({ method }: { readonly method: string }): Fault | undefined =>
    method === 'lease' && ++failures <= 3 ? { fail: 'before' } : undefined
  const store = world.store({ plan })
  const worker = world.worker(world.healed({ timeout: '1s' }), { store })
  world.start(worker)
  await world.source.push(events('a', 2))
  await world.until(() => world.calls.includes('a:2'))
  expect(failures).toBeGreaterThan(3)
  expect(world.crashes).toEqual([])
  await worker.stop()
})

test.each<[DomainShape, string]>([
  [{}, 'domains.account.gap.heal.with takes a healer'],
  [{ with: 'archive.ndjson' }, 'domains.account.gap.heal.with takes a healer'],
  [{ with: { name: 'x' } }, 'domains.account.gap.heal.with takes a healer'],
  [{ attempts: 0 }, 'domains.account.gap.heal.attempts takes a whole number from 1 to 1000, not 0'],
  [{ after: '1 day' }, 'domains.account.gap.heal.after takes milliseconds or a duration'],
  [{ timeout: 0 }, 'domains.account.gap.heal.timeout takes at least 1 ms'],
  [{ backoff: -1 }, 'domains.account.gap.heal.backoff takes milliseconds'],
  [{ backoffMax: 'long' }, 'domains.account.gap.heal.backoffMax takes milliseconds'],
  [{ chunk: 0 }, 'domains.account.gap.heal.chunk takes a whole number from 1 to 10000, not 0'],
  [{ retries: 3 }, 'domains.account.gap.heal.retries is no option'],
])('the options of healing are checked: %j', (heal, message) => {
  const world = new EngineWorld()
  const needed = { with: () => Promise.resolve([]) }
  const isComplete = Object.keys(heal).some((name) => name !== 'with')
  const fields = { handle: world.note, gap: { heal: isComplete ? { ...needed, ...heal } : heal } }
  const make = (): unknown => createProcessor(world.options({ domains: { account: domain(fields) } }))
  expect(make).toThrow(message)
})

test('a numbering that sees no gaps has nothing to heal', () => {
  const world = new EngineWorld()
  const gap = { heal: { with: () => Promise.resolve([]) } }
  const make = (numbering: unknown) => (): unknown =>
    createProcessor(world.options({ domains: { account: domain({ handle: world.note, numbering, gap }) } }))
  expect(make(increasing())).toThrow('domains.account.gap.heal: increasing() sees no gaps')
  expect(make(contiguous())).not.toThrow()
})

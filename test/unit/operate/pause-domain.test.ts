// A paused domain stands still and holds what comes; resumed, its waiting streams go on at once.
import { expect, test } from 'vitest'
import { pauseDomain, resumeDomain } from '../../../src/operate/pause-domain.ts'
import { consumer, events, path } from '../engine/engine-world.ts'
import { OperatorWorld } from './operator-world.ts'

const account = { domain: 'account', by: 'ann', reason: 'migration' }

test('what comes is held, across restarts, and goes on in order', async () => {
  const world = new OperatorWorld()
  await world.operated.open()
  await pauseDomain(world.target, account)
  await world.processing.process([...events('a', 1, 2), ...events('b', 1)])
  await world.sweep()
  expect(world.calls).toEqual([])
  expect(await resumeDomain(world.target, account)).toMatchObject({ woken: 2, busy: 0 })
  await world.sweep()
  expect(world.calls.toSorted()).toEqual(['a:1', 'a:2', 'b:1'])
  expect(await world.imbalances()).toEqual([])
  expect(await world.ledger()).toMatchObject([
    { kind: 'paused', domain: 'account', by: 'ann', reason: 'migration', before: { paused: false } },
    { kind: 'resumed', domain: 'account', by: 'ann', before: { paused: true } },
  ])
})

test('it is paused once, and resumed once', async () => {
  const { target, operated } = new OperatorWorld()
  await operated.open()
  await expect(resumeDomain(target, account)).rejects.toMatchObject({ code: 'operation-refused' })
  await pauseDomain(target, account)
  await expect(pauseDomain(target, account)).rejects.toThrow('paused already')
  await expect(pauseDomain(target, { ...account, reason: '' })).rejects.toMatchObject({ code: 'usage' })
})

test('a stream that a worker has is woken once it is free, or told of', async () => {
  const world = new OperatorWorld()
  await world.operated.open()
  await pauseDomain(world.target, account)
  await world.processing.process([...events('a', 1), ...events('b', 1)])
  const claim = { consumer, worker: 'w7', streams: [path('a')], mode: 'claim', claimMs: 30_000 } as const
  await world.operated.work(claim, async () => {
    const resuming = resumeDomain(world.target, { ...account, waitMs: 200 })
    await world.timers.advance(1_000)
    expect(await resuming).toMatchObject({ woken: 1, busy: 1 })
  })
})

test('hundreds of waiting streams are woken page by page', async () => {
  const world = new OperatorWorld()
  await world.operated.open()
  await pauseDomain(world.target, account)
  const names = Array.from({ length: 750 }, (_, at) => `s${at}`)
  await world.processing.process(names.flatMap((name) => events(name, 1)))
  expect(await resumeDomain(world.target, account)).toMatchObject({ woken: 750 })
  await world.sweep()
  expect(world.calls).toHaveLength(750)
})

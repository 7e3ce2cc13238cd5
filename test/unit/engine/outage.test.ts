// Where some calls of store or source fail and others do not, a worker is not told to have failed and to work
// again by turns (I10).
import { expect, test } from 'vitest'
import { InturnError } from '../../../src/core/errors.ts'
import { NewsLog } from '../../../src/engine/news-log.ts'
import type { LogLine } from '../../../src/ports/log.ts'
import { events } from './engine-world.ts'
import { WorkerWorld } from './worker-world.ts'

const minuteMs = 60_000

test('a store of which only sweeps fail: recovery is told once they do not, and events go on', async () => {
  const world = new WorkerWorld()
  let isBroken = true
  const plan = ({ method }: { method: string }) =>
    isBroken && method === 'due' ? { fail: 'before' as const } : undefined
  const worker = world.worker({}, { store: world.store({ plan }) })
  world.start(worker)
  for (let sequence = 1; world.timers.elapsedMs() < minuteMs; sequence++) {
    await world.source.push(events('a', sequence))
    await world.until(() => world.calls.length === sequence)
  }
  // Each failure is told, and none is over.
  expect(world.told('store-failed').length).toBeGreaterThan(50)
  expect(Math.max(...world.told('store-failed').map(({ retryInMs }) => retryInMs))).toBeLessThan(500)
  expect(world.told('recovered')).toEqual([])
  isBroken = false
  await world.until(() => world.told('recovered').length > 0)
  await world.until(() => world.timers.elapsedMs() > 2 * minuteMs)
  expect(world.told('recovered')).toHaveLength(1)
  await worker.stop()
})

test('what goes on failing is said ever more seldom, by store and source, until it is over', () => {
  let elapsedMs = 0
  const said: string[] = []
  const say = ({ text, isBrief }: LogLine): void => {
    said.push(`${elapsedMs / 1_000}: ${text.slice(0, 10)}${isBrief === true ? '' : ', whole'}`)
  }
  const log = new NewsLog(say, () => elapsedMs)
  const error = new InturnError('store-unavailable', 'away')
  const other = new InturnError('store-unavailable', 'full')
  for (; elapsedMs < 200_000; elapsedMs += 250) {
    log.tell({ kind: 'store-failed', error: elapsedMs === 90_000 ? other : error, retryInMs: 100 })
    if (elapsedMs === 1_000) log.tell({ kind: 'source-failed', error, retryInMs: 100 })
  }
  log.tell({ kind: 'recovered' })
  log.tell({ kind: 'store-failed', error, retryInMs: 100 })
  expect(said).toEqual([
    '0: the store , whole',
    '1: the source',
    '5: the store ',
    '15: the store ',
    '35: the store ',
    '75: the store ',
    '90: the store ',
    '135: the store ',
    '195: the store ',
    '200: store and , whole',
    '200: the store , whole',
  ])
})

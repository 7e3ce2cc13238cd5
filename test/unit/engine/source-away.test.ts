// A source that cannot be read keeps no stream back from what its store says is due (I6, I10).
import { expect, test } from 'vitest'
import { events } from './engine-world.ts'
import { WorkerWorld } from './worker-world.ts'

test('what failed is tried again while the source cannot be read', async () => {
  const world = new WorkerWorld()
  let isAway = false
  const handle = (event: Parameters<typeof world.note>[0]): void => {
    if (!isAway) {
      isAway = true
      throw new Error('not yet')
    }
    world.note(event)
  }
  await world.source.push(events('a', 1))
  const plan = ({ method }: { method: string }) =>
    isAway && method === 'read' ? { fail: 'before' as const } : undefined
  const worker = world.worker({ handle, failure: { backoff: '1s' } }, { plan })
  world.start(worker)
  await world.until(() => isAway)
  const failedAtMs = world.timers.elapsedMs()
  await world.until(() => world.calls.length > 0 || world.timers.elapsedMs() > failedAtMs + 60_000)
  expect(world.calls).toEqual(['a:1'])
  expect(world.told('source-failed').length).toBeGreaterThan(0)
  await worker.stop()
})

// A server that does not know any more what it had acknowledged to this process is noticed, and one that was
// only asked from several places at once is not (I10).
import { expect, test } from 'vitest'
import { Acknowledged } from '../../../src/stores/redis/acknowledged.ts'

function watched(): { readonly acknowledged: Acknowledged; readonly times: () => number } {
  let times = 0
  return { acknowledged: new Acknowledged(() => times++), times: () => times }
}

test('a server that knows when the process was here last has not gone back', () => {
  const { acknowledged, times } = watched()
  acknowledged.noteBegun(100, { kept: undefined, told: 0 })
  acknowledged.noteBegun(200, { kept: 100, told: acknowledged.begunAt })
  // Two questions under way at once: the second one's answer was known before the first one's.
  acknowledged.noteBegun(310, { kept: 305, told: 200 })
  acknowledged.noteBegun(305, { kept: 200, told: 200 })
  expect(acknowledged.begunAt).toBe(310)
  expect(times()).toBe(0)
})

test('a server that was here earlier, or never, has gone back, and that is told once', () => {
  const { acknowledged, times } = watched()
  acknowledged.noteBegun(100, { kept: undefined, told: 0 })
  acknowledged.noteBegun(200, { kept: 100, told: 100 })
  acknowledged.noteBegun(300, { kept: 100, told: 200 })
  expect(times()).toBe(1)
  acknowledged.noteBegun(400, { kept: 300, told: acknowledged.begunAt })
  expect(times()).toBe(1)
  acknowledged.noteBegun(500, { kept: undefined, told: acknowledged.begunAt })
  expect(times()).toBe(2)
})

test('a heartbeat misses what work had acknowledged, and acknowledges nothing itself', () => {
  const { acknowledged, times } = watched()
  acknowledged.noteBegun(100, { kept: undefined, told: 0 })
  acknowledged.noteBeat({ kept: 100, told: 100, isForgotten: false })
  expect([times(), acknowledged.begunAt]).toEqual([0, 100])
  acknowledged.noteBeat({ kept: 90, told: 100, isForgotten: false })
  expect([times(), acknowledged.begunAt]).toEqual([1, 0])
  acknowledged.noteBeat({ kept: undefined, told: 0, isForgotten: true })
  expect(times()).toBe(2)
})

test('fences of a shard rise; one that was given before shows that the server has gone back', () => {
  const { acknowledged, times } = watched()
  acknowledged.noteFence(3, { given: 5, newest: acknowledged.newestFence(3) })
  acknowledged.noteFence(3, { given: undefined, newest: 5 })
  acknowledged.noteFence(3, { given: 7, newest: 5 })
  acknowledged.noteFence(3, { given: 6, newest: 5 })
  expect([times(), acknowledged.newestFence(3), acknowledged.newestFence(4)]).toEqual([0, 7, 0])
  acknowledged.noteFence(3, { given: 7, newest: 7 })
  expect([times(), acknowledged.newestFence(3)]).toEqual([1, 7])
  acknowledged.noteFence(3, { given: 8, newest: 7 })
  expect(times()).toBe(1)
})

// A queue that is taken from in parts gives what an array would, whatever is pushed, taken and put back.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PartedQueue } from '../../../src/core/parted-queue.ts'

const steps = fc.array(
  fc.record({
    push: fc.nat(20),
    take: fc.oneof(fc.nat(15), fc.constant(Infinity)),
    isPutBack: fc.boolean(),
  }),
  { maxLength: 40 },
)

test('what is taken, and what is left, is what an array has', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const queue = new PartedQueue<number>()
      let model: number[] = []
      let next = 0
      for (const { push, take, isPutBack } of all) {
        for (let count = push; count > 0; count--) {
          queue.push(next)
          model.push(next++)
        }
        const part = queue.take(take)
        expect(part).toEqual(model.slice(0, take))
        if (isPutBack) queue.putBack(part)
        else model = model.slice(part.length)
        expect(queue).toHaveLength(model.length)
      }
      expect(queue.take()).toEqual(model)
    }),
  )
})

test('a part that was taken stays as it is when more comes', () => {
  const queue = new PartedQueue<number>()
  queue.push(1)
  const part = queue.take()
  queue.push(2)
  expect(part).toEqual([1])
  expect(queue.take()).toEqual([2])
})

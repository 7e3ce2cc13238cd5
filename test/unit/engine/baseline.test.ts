// Where a stream begins that nothing is known of: asked of the domain's hook, whose failures are waited out.
import { describe, expect, it } from 'vitest'
import { EngineWorld, events, verdictsOf } from './engine-world.ts'

const from = (answer: () => unknown) => ({ baseline: answer as () => number })

describe('baseline (I3)', () => {
  it('says where an unknown stream begins, and is asked once', async () => {
    const world = new EngineWorld()
    const asked: unknown[] = []
    const baseline = (stream: string, first: unknown): number => {
      asked.push([stream, first])
      return 5
    }
    const processor = world.processor({ baseline })
    expect(verdictsOf(await processor.process(events('a', 7, 5, 6, 3)))).toEqual([
      'hold',
      'deliver',
      'deliver',
      'late',
    ])
    await processor.process(events('a', 8))
    expect(asked).toEqual([['a', { epoch: 0, sequence: 7 }]])
    expect(world.calls).toEqual(['a:5', 'a:6', 'a:7', 'a:8'])
  })

  const failures: readonly (readonly [string, () => unknown])[] = [
    [
      'throws',
      () => {
        throw new Error('gone')
      },
    ],
    ['rejects', async () => Promise.reject(new Error('gone'))],
    ['gives no number', () => Number.NaN],
    ['gives a text', () => '5'],
  ]
  it.each(failures)(
    'that %s leaves its stream waiting for the start, and others alone',
    async (_name, answer) => {
      const world = new EngineWorld()
      const processor = world.processor({
        baseline: (stream: string) => (stream === 'a' ? answer() : undefined),
      })
      const results = await processor.process([...events('a', 5), ...events('b', 1)])
      expect(verdictsOf(results)).toEqual(['hold', 'deliver'])
      expect(world.told('baseline-failed')).toMatchObject([{ stream: 'account/a' }])
      await processor.process(events('a', 1, 2, 3, 4))
      expect(world.calls).toEqual(['b:1', 'a:1', 'a:2', 'a:3', 'a:4', 'a:5'])
    },
  )

  it('that takes too long is given up on', async () => {
    const world = new EngineWorld()
    const processing = world
      .processor({ ...from(() => new Promise(() => undefined)), timeout: 100 })
      .process(events('a', 5))
    await world.timers.advance(100)
    expect(verdictsOf(await processing)).toEqual(['hold'])
    expect(world.told('baseline-failed')).toMatchObject([
      { error: { message: expect.stringMatching(/took longer/) as string } },
    ])
  })

  it('never begins above what is held already', async () => {
    const world = new EngineWorld()
    const answer: { now?: number } = {}
    const processor = world.processor({ baseline: () => answer.now })
    await processor.process(events('a', 5, 6))
    answer.now = 9
    await processor.process(events('a', 9, 7, 8))
    expect(world.calls).toEqual(['a:5', 'a:6', 'a:7', 'a:8', 'a:9'])
    expect((await world.stream('a'))?.state).toMatchObject({ position: 9, baseline: 5, heldCount: 0 })
  })
})

// What refused payloads cost the others: no transaction is undone because of them, no handler is called
// twice, many are one commit; and where a worker died, an event is judged by what it carries all the same
// (I2, I6).
import { describe, expect, it } from 'vitest'
import type { StandardSchema } from '../../../src/ports/standard-schema.ts'
import { event, path, verdictsOf } from './engine-world.ts'
import { MortalWorld } from './mortal-world.ts'

const schema: StandardSchema = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => (value === 'bad' ? { issues: [{ message: 'no' }] } : { value }),
  },
}
const schemas = { '*': schema }
const of = (stream: string, ...kinds: readonly ('good' | 'bad')[]): readonly unknown[] =>
  kinds.map((data, at) => event(stream, at + 1, { data }))

for (const effects of ['external', 'transaction'] as const) {
  describe(`refused payloads, effects: '${effects}'`, () => {
    it('call no handler twice, and cost one commit more where they are taken out, however many', async () => {
      const world = new MortalWorld(effects, [])
      const mixed = [...of('b', 'good', 'bad', 'good'), ...of('c', 'bad', 'bad', 'bad', 'good', 'bad')]
      await world.live((processor) => processor.process([...of('a', 'good', 'good'), ...mixed]), { schemas })
      expect(world.attempts.toSorted()).toEqual(['a:1@1', 'a:2@1', 'b:1@1', 'b:3@1', 'c:4@1'])
      expect(world.done.toSorted()).toEqual(['a:1', 'a:2', 'b:1', 'b:3', 'c:4'])
      expect(await world.deadLetters()).toHaveLength(5)
      const { commits } = world
      const plain = new MortalWorld(effects, [])
      const fits = [...of('b', 'good', 'good', 'good'), ...of('c', 'good', 'good')]
      await plain.live((processor) => processor.process([...of('a', 'good', 'good'), ...fits]), { schemas })
      expect(commits).toBe(plain.commits)
    })

    it('halt their stream where the policy says so, and no other', async () => {
      const world = new MortalWorld(effects, [])
      const failure = { attempts: 3, then: 'halt' }
      const batch = [...of('a', 'good', 'bad', 'good'), ...of('b', 'good', 'good')]
      await world.live(
        async (processor) => {
          expect(verdictsOf(await processor.process(batch))).toEqual([
            'deliver',
            'hold',
            'hold',
            'deliver',
            'deliver',
          ])
        },
        { schemas, failure },
      )
      expect(world.attempts.toSorted()).toEqual(['a:1@1', 'b:1@1', 'b:2@1'])
      expect((await world.stream('a'))?.state).toMatchObject({ position: 1, halt: { cause: 'schema' } })
    })

    it('in quarantine, after a death, they end as ever, and no attempt at them is counted', async () => {
      const world = new MortalWorld(effects, ['a:2'])
      await world.outlive([...of('a', 'good', 'good', 'bad', 'good', 'bad'), ...of('b', 'bad', 'good')], {
        schemas,
      })
      const letters = await world.deadLetters()
      expect(
        letters.map(({ stream, sequence, reason }) => `${reason} ${stream} ${String(sequence)}`).toSorted(),
      ).toEqual([
        `schema ${path('a')} 3`,
        `schema ${path('a')} 5`,
        `schema ${path('b')} 1`,
        `worker-died ${path('a')} 2`,
      ])
      expect(letters.filter(({ reason, attempts }) => reason === 'schema' && attempts !== 0)).toEqual([])
      expect((await world.stream('a'))?.state).toMatchObject({ position: 5, failing: undefined })
      expect([...new Set(world.done)].toSorted()).toEqual(['a:1', 'a:4', 'b:2'])
    })
  })
}

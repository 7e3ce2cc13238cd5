// What a sequencer burns does not stop a consumer: its fills reach the rules, and the stream goes on (I3).
import { expect, test } from 'vitest'
import { contiguous } from '../../../src/core/numbering.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import { sequencer } from '../../../src/producer/sequencer.ts'
import { memorySequences, memoryStore } from '../../../src/stores/memory.ts'

test('an event behind burned numbers is delivered once their fill has come', async () => {
  const handled: unknown[] = []
  const processor = createProcessor({
    consumer: 'billing',
    store: memoryStore(),
    domains: {
      account: {
        numbering: contiguous(),
        effects: 'external',
        handle: ({ sequence }) => void handled.push(sequence),
      },
    },
  })
  const numbers = sequencer({ store: memorySequences(), domain: 'account' })
  const publish = async (): Promise<void> => {
    const reserved = await numbers.next('ann')
    await reserved.use()
    const { domain, stream, from } = reserved
    await processor.process([{ domain, stream, sequence: from, data: {} }])
  }
  await publish()
  const burned = await numbers.next('ann', 3)
  await publish()
  expect(handled).toEqual([1])
  await burned.burn('no money')
  expect(await numbers.publishFills(async (fill) => void (await processor.process([fill])))).toBe(1)
  expect(handled).toEqual([1, 5])
  await processor.close()
})

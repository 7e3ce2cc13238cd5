import type { Store } from '../../../src/ports/store.ts'
import type { StoreFixture } from '../../../src/testing/store-suite/store-case.ts'
import type { EffectTransaction } from '../../simulation/effect-logs.ts'
import type { Produced } from '../../simulation/produced.ts'
// The simulator's store with transactions keeps the laws of stores (I9), so that what the simulator proves
// with it holds for real ones.
import { TransactionQueue, transactionalStore } from '../../simulation/transactional-store.ts'
import { memoryCapabilities, memoryFixture } from './memory-fixture.ts'
import { runStoreSuite } from './run-store-suite.ts'

const asProduced = (text: string): Produced => ({ message: { text } }) as unknown as Produced

async function transactionalFixture(): Promise<StoreFixture> {
  const fixture = await memoryFixture()
  const texts: string[] = []
  const queue = new TransactionQueue()
  const wrap = (store: Store): Store =>
    transactionalStore(store, {
      onDeath: () => undefined,
      queue,
      written: (_consumer, effects) => {
        texts.push(...effects.map(({ produced: { message } }) => String(message['text'])))
      },
    })
  const { secondHandle, stalledHandle } = fixture
  return {
    ...fixture,
    store: wrap(fixture.store),
    ...(secondHandle && { secondHandle: async () => wrap(await secondHandle()) }),
    ...(stalledHandle && {
      stalledHandle: async () => {
        const { store, resume } = await stalledHandle()
        return { store: wrap(store), resume }
      },
    }),
    effects: {
      write: async (transaction, text) => {
        const effect = { produced: asProduced(text), isRedrive: false }
        ;(transaction as EffectTransaction).write(effect)
      },
      written: () => Promise.resolve(texts),
    },
  }
}

runStoreSuite({
  name: 'simulated transactions',
  capabilities: { ...memoryCapabilities, transaction: true },
  create: transactionalFixture,
})

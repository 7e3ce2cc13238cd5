// A numbered source keeps the laws of sources (I9): those of the source that it numbers.
import { describe } from 'vitest'
import type { Delivery, Source } from '../../../src/ports/source.ts'
import { numbered } from '../../../src/producer/numbered.ts'
import { memorySequences } from '../../../src/stores/memory.ts'
import type { SourceWorld } from '../../../src/testing/source-suite/source-world.ts'
import { memorySource } from '../../../src/transports/memory.ts'
import { keepsTheSourceLaws } from '../source-laws.ts'

/** The suite looks at what was produced, which is the data of what is delivered. */
function dataOnly<Numbered extends Delivery>(source: Source<Numbered>): Source<Numbered> {
  return {
    name: source.name,
    kind: source.kind,
    open: (checkpoint) => source.open(checkpoint),
    read: async (request) =>
      (await source.read(request)).map((delivery) => ({
        ...delivery,
        message: (delivery.message as { data: unknown }).data,
      })),
    settle: (deliveries) => source.settle(deliveries),
    release: (deliveries, delayMs) => source.release(deliveries, delayMs),
    isCaughtUp: () => source.isCaughtUp(),
    close: () => source.close(),
  }
}

function numberedWorld(kind: 'log' | 'queue'): Promise<SourceWorld> {
  const inner = memorySource({ kind })
  const store = memorySequences()
  return Promise.resolve({
    features: new Set(['ordered', 'live'] as const),
    produce: (messages: readonly unknown[]) => inner.push(messages),
    source: () =>
      dataOnly(
        numbered(inner, {
          store,
          domain: 'suite',
          scope: () => 'one',
          id: ({ data }) => JSON.stringify(data),
        }),
      ),
    dispose: () => inner.close(),
  })
}

describe('a numbered log', () => {
  keepsTheSourceLaws(() => numberedWorld('log'))
})
describe('a numbered queue', () => {
  keepsTheSourceLaws(() => numberedWorld('queue'))
})

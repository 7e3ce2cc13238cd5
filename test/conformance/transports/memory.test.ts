// The memory source keeps the laws of sources (I9), as a log and as a queue.
import { describe } from 'vitest'
import type { SourceWorld } from '../../../src/testing/source-suite/source-world.ts'
import { memorySource } from '../../../src/transports/memory.ts'
import { keepsTheSourceLaws } from '../source-laws.ts'

function memoryWorld(kind: 'log' | 'queue'): Promise<SourceWorld> {
  const source = memorySource({ kind })
  return Promise.resolve({
    features: new Set(['ordered', 'live'] as const),
    produce: (messages: readonly unknown[]) => source.push(messages),
    source: () => source,
    dispose: () => source.close(),
  })
}

describe('a memory log', () => {
  keepsTheSourceLaws(() => memoryWorld('log'))
})
describe('a memory queue', () => {
  keepsTheSourceLaws(() => memoryWorld('queue'))
})

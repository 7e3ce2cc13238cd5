// The memory sink keeps the laws of sinks (I9), and gives back what it pushes into.
import { describe } from 'vitest'
import type { SinkWorld } from '../../../src/testing/sink-suite/sink-world.ts'
import { memorySink, memorySource } from '../../../src/transports/memory.ts'
import { keepsTheSinkLaws } from './run-sink-suite.ts'

function memoryWorld(): Promise<SinkWorld> {
  const topic = memorySource()
  return Promise.resolve({
    sink: () => memorySink(topic),
    arrived: async () => {
      topic.redeliver()
      const { signal } = new AbortController()
      return (await topic.read({ max: 100_000, waitMs: 0, signal })).map(({ message }) => String(message))
    },
    faults: 'memory does not fail',
    dispose: () => topic.close(),
  })
}

describe('a memory sink', () => {
  keepsTheSinkLaws(memoryWorld)
})

// Binds the sink suite to vitest: one test a law, and a reason where a law says nothing about a sink.
import { expect, test } from 'vitest'
import { sinkSuite } from '../../../src/testing/sink-suite/sink-suite.ts'
import type { SinkWorld } from '../../../src/testing/sink-suite/sink-world.ts'
import { whySinkSkipped } from '../../../src/testing/sink-suite/sink-world.ts'

/** Every law of sinks, against worlds that `makeWorld` makes. */
export function keepsTheSinkLaws(makeWorld: () => Promise<SinkWorld>): void {
  for (const law of sinkSuite) {
    test(law.name, async (context) => {
      const world = await makeWorld()
      try {
        const reason = whySinkSkipped(law, world)
        if (reason !== undefined) context.skip(reason)
        await expect(law.run(world)).resolves.toBeUndefined()
      } finally {
        await world.dispose()
      }
    })
  }
}

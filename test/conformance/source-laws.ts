// Binds the source suite to vitest: one test a law, and a reason where a law says nothing about a source.
import { expect, test } from 'vitest'
import { sourceSuite } from '../../src/testing/source-suite/source-suite.ts'
import { whySkipped } from '../../src/testing/source-suite/source-world.ts'
import type { SourceWorld } from '../../src/testing/source-suite/source-world.ts'

/** Every law of sources, against worlds that `makeWorld` makes. */
export function keepsTheSourceLaws(makeWorld: () => Promise<SourceWorld>): void {
  for (const law of sourceSuite) {
    test(law.name, async (context) => {
      const world = await makeWorld()
      try {
        const reason = whySkipped(law, world)
        if (reason !== undefined) context.skip(reason)
        await expect(law.run(world)).resolves.toBeUndefined()
      } finally {
        await world.dispose()
      }
    })
  }
}

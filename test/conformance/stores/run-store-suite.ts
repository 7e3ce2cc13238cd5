// Binds the store suite to vitest. A case that a store cannot run is skipped with the store's reason.
import { describe, expect, test } from 'vitest'
import type { StoreCapabilities, StoreFixture } from '../../../src/testing/store-suite/store-case.ts'
import { skipReason } from '../../../src/testing/store-suite/store-case.ts'
import { storeSuite } from '../../../src/testing/store-suite/store-suite.ts'

/** A store that is to pass the suite. */
export interface StoreUnderTest {
  readonly name: string
  readonly capabilities: StoreCapabilities
  readonly create: () => Promise<StoreFixture>
}

export function runStoreSuite({ name, capabilities, create }: StoreUnderTest): void {
  describe(name, () => {
    for (const one of storeSuite) {
      test(one.name, async (context) => {
        const reason = skipReason(one, capabilities)
        if (reason !== undefined) context.skip(reason)
        const fixture = await create()
        try {
          await expect(one.run(fixture)).resolves.toBeUndefined()
        } finally {
          await fixture.cleanup()
        }
      })
    }
  })
}

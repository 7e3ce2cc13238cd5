// Binds the event-log suite to vitest. A case that a log cannot run is skipped with the log's reason.
import { describe, expect, test } from 'vitest'
import { eventLogSkipReason } from '../../../src/testing/event-log-suite/event-log-case.ts'
import type {
  EventLogCapabilities,
  EventLogFixture,
} from '../../../src/testing/event-log-suite/event-log-case.ts'
import { eventLogSuite } from '../../../src/testing/event-log-suite/event-log-suite.ts'

/** A log that is to pass the suite. */
export interface EventLogUnderTest {
  readonly name: string
  readonly capabilities: EventLogCapabilities
  readonly create: () => Promise<EventLogFixture>
}

export function runEventLogSuite({ name, capabilities, create }: EventLogUnderTest): void {
  describe(name, () => {
    for (const one of eventLogSuite) {
      test(one.name, async (context) => {
        const reason = eventLogSkipReason(one, capabilities)
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

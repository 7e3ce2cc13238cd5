// The event-log suite: the whole contract of the port as cases. A log passes it, or is none. Upholds I9.
import { appendCases } from './append-cases.ts'
import type { EventLogCase } from './event-log-case.ts'
import { lifeCases } from './life-cases.ts'
import { readCases } from './read-cases.ts'
import { trimCases } from './trim-cases.ts'

/**
 * Every case of the event-log suite. Each wants an empty log of its own.
 *
 * @example
 * for (const one of eventLogSuite) {
 *   test(one.name, async (context) => {
 *     const reason = eventLogSkipReason(one, capabilities)
 *     if (reason !== undefined) return context.skip(reason)
 *     const fixture = await create()
 *     await one.run(fixture).finally(() => fixture.cleanup())
 *   })
 * }
 */
export const eventLogSuite: readonly EventLogCase[] = [
  ...appendCases,
  ...readCases,
  ...trimCases,
  ...lifeCases,
]

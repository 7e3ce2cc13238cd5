// The store suite: the whole contract of the port as cases. A store passes it, or is none. Upholds I9.
import { claimCases } from './claim-cases.ts'
import { commandCases } from './command-cases.ts'
import { commitCases } from './commit-cases.ts'
import { dueCases } from './due-cases.ts'
import { heldCases } from './held-cases.ts'
import { inboxCases } from './inbox-cases.ts'
import { leaseCases } from './lease-cases.ts'
import { lifeCases } from './life-cases.ts'
import { lostWorkerCases } from './lost-worker-cases.ts'
import { readingCases } from './reading-cases.ts'
import { recordCases } from './record-cases.ts'
import { redriveCases } from './redrive-cases.ts'
import type { StoreCase } from './store-case.ts'
import { valueCases } from './value-cases.ts'

/**
 * Every case of the store suite. Each wants an empty store of its own.
 *
 * @example
 * for (const one of storeSuite) {
 *   test(one.name, async (context) => {
 *     const reason = skipReason(one, capabilities)
 *     if (reason !== undefined) return context.skip(reason)
 *     const fixture = await create()
 *     await one.run(fixture).finally(() => fixture.cleanup())
 *   })
 * }
 */
export const storeSuite: readonly StoreCase[] = [
  ...commitCases,
  ...commandCases,
  ...claimCases,
  ...heldCases,
  ...inboxCases,
  ...dueCases,
  ...recordCases,
  ...redriveCases,
  ...leaseCases,
  ...readingCases,
  ...valueCases,
  ...lifeCases,
  ...lostWorkerCases,
]

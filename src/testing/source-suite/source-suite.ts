// The laws that every source keeps, as data: bind them to any test runner. Upholds I9.
import { readingCases } from './reading-cases.ts'
import { settlingCases } from './settling-cases.ts'
import type { SourceCase } from './source-world.ts'

/**
 * The conformance suite of sources.
 *
 * @example
 * for (const law of sourceSuite) {
 *   test(law.name, async (context) => {
 *     const world = await makeWorld()
 *     const reason = whySkipped(law, world)
 *     if (reason !== undefined) context.skip(reason)
 *     await law.run(world)
 *     await world.dispose()
 *   })
 * }
 */
export const sourceSuite: readonly SourceCase[] = [...readingCases, ...settlingCases]

// The laws that every sink keeps, as data: bind them to any test runner. Upholds I9.
import { failureCases } from './failure-cases.ts'
import { sendingCases } from './sending-cases.ts'
import type { SinkCase } from './sink-world.ts'

/**
 * The conformance suite of sinks.
 *
 * @example
 * for (const law of sinkSuite) {
 *   test(law.name, async (context) => {
 *     const world = await makeWorld()
 *     const reason = whySinkSkipped(law, world)
 *     if (reason !== undefined) context.skip(reason)
 *     await law.run(world).finally(() => world.dispose())
 *   })
 * }
 */
export const sinkSuite: readonly SinkCase[] = [...sendingCases, ...failureCases]

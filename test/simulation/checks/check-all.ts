// All checks of a simulation. None of them looks into the system under test: they compare what was produced,
// what became durable, what was settled and what the handlers did.
import type { SimulatedWorld } from '../simulated-world.ts'
import { checkBounded } from './bounded.ts'
import type { Check } from './check.ts'
import { checkDeadLetterReasons } from './dead-letter-reasons.ts'
import { checkDeliversAll } from './delivers-all.ts'
import { checkHonestTime } from './honest-time.ts'
import { checkNoSilentLoss } from './no-silent-loss.ts'
import { checkOneAdvancer } from './one-advancer.ts'
import { checkOneEffect } from './one-effect.ts'
import { checkFirstEffects, checkOrder } from './order.ts'
import { checkPromptDelivery } from './prompt-delivery.ts'
import { checkSettleLast } from './settle-last.ts'

/** No worker ends by itself: a failure that it does not expect is a fault of its own. */
const checkSurvival: Check = ({ history }) =>
  history.of('crashed').map(({ worker, error, atMs }) => `I10: ${worker} ended at ${atMs} ms: ${error}`)

const checks: readonly Check[] = [
  checkSurvival,
  checkOrder,
  checkFirstEffects,
  checkOneEffect,
  checkNoSilentLoss,
  checkDeliversAll,
  checkDeadLetterReasons,
  checkSettleLast,
  checkOneAdvancer,
  checkPromptDelivery,
  checkBounded,
  checkHonestTime,
]

/** Every breach of an invariant in a simulation. */
export function checkAll(world: SimulatedWorld): readonly string[] {
  return checks.flatMap((check) => check(world))
}

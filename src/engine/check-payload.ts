// Checks in an event's turn what it carries: whether its data could be read, and fits the schema that its
// domain has by then. What is refused has its number all the same, and fails in its place: no handler is
// called for it, and nothing is tried again by itself. Upholds I1 and I3.
import type { InturnEvent } from '../core/event.ts'
import { placeText } from '../core/sequence.ts'
import { errorText } from '../core/thrown.ts'
import { askSchema } from '../ports/standard-schema.ts'
import type { SchemaAnswer } from '../ports/standard-schema.ts'
import type { UnitOfWork } from '../ports/store.ts'
import { decideFully } from './decide-fully.ts'
import type { Domain } from './domain.ts'
import type { EngineParts } from './engine-parts.ts'
import { failureOf } from './failed-turn.ts'
import { schemaInput, schemaOf } from './handler-event.ts'
import { PayloadRefused } from './payload-refused.ts'
import type { PlannedDelivery } from './turn-outcome.ts'
import type { Turn } from './turn.ts'
import { withinTime } from './within-time.ts'

type Checking = Pick<EngineParts, 'timers' | 'stop'>

/**
 * Checks what an event carries, and notes the output of its schema for its handler. A promise only where its
 * schema gives one.
 *
 * @throws PayloadRefused; InturnError `shutting-down` once the engine has ended
 */
export function checkPayload(parts: Checking, domain: Domain, event: InturnEvent): Promise<void> | undefined {
  const { problem } = event
  if (problem !== undefined) throw new PayloadRefused('eventFrom', problem)
  const schema = schemaOf(domain, event)
  if (schema === undefined) return undefined
  let answer: ReturnType<typeof askSchema>
  try {
    answer = askSchema(schema, schemaInput(domain, event).data)
  } catch (error) {
    throw thrown(error)
  }
  if (answer instanceof Promise)
    return waitFor(parts, domain, answer).then((answered) => take(domain, event, answered))
  take(domain, event, answer)
  return undefined
}

function take({ parsed }: Domain, event: InturnEvent, answer: SchemaAnswer): void {
  if ('problem' in answer) throw new PayloadRefused('schema', `the data does not fit: ${answer.problem}`)
  parsed.set(event, { data: answer.output })
}

/**
 * Checks what the deliveries of a turn carry, before any of its handlers is called: decides it again without
 * those that are refused, or in front of the first one, as the policy of the domain says. A promise only
 * where something is waited for.
 */
export function checkTurn(
  parts: EngineParts,
  unit: UnitOfWork,
  { turn, sinceMs }: { readonly turn: Turn; readonly sinceMs: () => number },
): Promise<void> | undefined {
  // What ends in front of a failure already calls no handler.
  if (turn.failure !== undefined) return undefined
  const found = findRefused(parts, turn)
  if (found instanceof Promise)
    return found.then((refused) => refuse(parts, unit, { turn, sinceMs, refused }))
  return found.length === 0 ? undefined : refuse(parts, unit, { turn, sinceMs, refused: found })
}

/** A delivery that is refused. */
interface Refused {
  readonly delivery: PlannedDelivery
  readonly error: PayloadRefused
}

const nothing: readonly Refused[] = []

async function refuse(
  parts: EngineParts,
  unit: UnitOfWork,
  found: { readonly turn: Turn; readonly sinceMs: () => number; readonly refused: readonly Refused[] },
): Promise<void> {
  const { turn, sinceMs } = found
  const checked = new Set<string>()
  for (let { refused } = found; refused.length > 0; refused = await findRefused(parts, turn, checked)) {
    const failures = refused.map((one) => failureOf(parts, { turn, ...one, sinceMs: sinceMs() }))
    const [first] = failures
    if (first !== undefined && !goesOn(turn)) {
      return decideFully(unit, turn, () => turn.stopBefore(first))
    }
    for (const { event } of turn.deliveries) checked.add(placeText(event))
    turn.takeOut(failures)
    await decideFully(unit, turn, () => turn.decide())
  }
}

/** Whether the turn goes on behind what is refused. In quarantine it ends behind its one delivery. */
function goesOn({ setup, next }: Turn): boolean {
  return setup.domain.failure.then === 'dead-letter' && next === undefined
}

/** The deliveries that are refused; only the first one, where the turn ends in front of it. */
function findRefused(
  parts: EngineParts,
  turn: Turn,
  checked?: ReadonlySet<string>,
): readonly Refused[] | Promise<readonly Refused[]> {
  const { deliveries, effects, setup } = turn
  const { schemas } = setup.domain
  const isEnough = !goesOn(turn)
  let refused: Refused[] | undefined
  const note = (delivery: PlannedDelivery, error: unknown): void => {
    if (!(error instanceof PayloadRefused)) throw error
    refused ??= []
    refused.push({ delivery, error })
  }
  const checkFrom = (first: number): Promise<void> | undefined => {
    for (let at = first; at < deliveries.length; at++) {
      const delivery = deliveries[at]
      if (delivery === undefined || (isEnough && refused !== undefined)) return undefined
      if (schemas === undefined && delivery.event.problem === undefined) continue
      if (effects.isDone(delivery.event) || checked?.has(placeText(delivery.event)) === true) continue
      try {
        const checking = checkPayload(parts, setup.domain, delivery.event)
        if (checking === undefined) continue
        return checking.catch((error: unknown) => note(delivery, error)).then(() => checkFrom(at + 1))
      } catch (error) {
        note(delivery, error)
      }
    }
    return undefined
  }
  const waiting = checkFrom(0)
  return waiting === undefined ? (refused ?? nothing) : waiting.then(() => refused ?? nothing)
}

async function waitFor(parts: Checking, domain: Domain, found: Promise<SchemaAnswer>): Promise<SchemaAnswer> {
  const { timeoutMs: ms, name } = domain
  const late = (): Error => new Error(`the schema of ${name} took longer than ${ms} ms`)
  try {
    return await withinTime(parts, found, { ms, late })
  } catch (error) {
    if (parts.stop.aborted) throw error
    throw thrown(error)
  }
}

function thrown(error: unknown): PayloadRefused {
  return new PayloadRefused('schema', `it cannot be asked: ${errorText(error)}`, { cause: error })
}

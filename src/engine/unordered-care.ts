// Events without tracking that may end their process: what a death leaves of them is a lease that nobody
// gives back. Upholds I7: such a handler runs out of attempts; and I6: a death counts only of what was alone.
//
// An event under care: marked in company -> done, and the mark is given back. A mark that stands already: it
// is suspected -> marked alone, after all others; the marks that stand are its deaths -> ... -> given up.
import { encodePart } from '../core/stream-path.ts'
import { deadLetterKey } from '../ports/dead-letter-key.ts'
import type { EngineParts } from './engine-parts.ts'
import type { HandlerSlots } from './handler-slots.ts'
import type { UnorderedIntake } from './intake.ts'

/** How long a death is remembered: longer than it may take to restart a process that has died often. */
const markMs = 24 * 60 * 60 * 1_000

/** What is done with events under care. */
export interface CarefulSteps {
  /** How many strands run side by side. */
  readonly lanes: number
  /** Tries one event beside others. */
  readonly inCompany: (intake: UnorderedIntake) => Promise<void>
  /** Tries one event, of which so many workers have died, while no other handler runs. */
  readonly alone: (intake: UnorderedIntake, deaths: number) => Promise<void>
  /** Its attempts are used up, all of them by deaths. */
  readonly giveUp: (intake: UnorderedIntake, deaths: number) => Promise<void>
}

/** Takes care of events without tracking. */
export class UnorderedCare {
  readonly #parts: EngineParts
  readonly #slots: HandlerSlots
  /** This life of the engine: one with the same name that comes after it is another holder. */
  readonly #holder: string

  constructor(parts: EngineParts, slots: HandlerSlots) {
    this.#parts = parts
    this.#slots = slots
    this.#holder = `${parts.worker}/${Math.floor(parts.random.next() * 2 ** 48).toString(36)}`
  }

  /** Which events are to be handled with care; none, as a rule. */
  needed(intakes: readonly UnorderedIntake[]): ReadonlySet<UnorderedIntake> {
    if (this.#parts.wariness.isWary) return new Set(intakes)
    const redelivered = intakes.filter(({ isRedelivered }) => isRedelivered)
    // What is ordered by id stays together.
    const ordered = new Set(redelivered.filter(isOrdered).map(({ domain }) => domain))
    const together = intakes.filter((intake) => ordered.has(intake.domain) && isOrdered(intake))
    return new Set([...redelivered, ...together])
  }

  /** Handles events with care: strands side by side, the events of each one after another. */
  async run(strands: readonly (readonly UnorderedIntake[])[], steps: CarefulSteps): Promise<void> {
    const suspects: (readonly UnorderedIntake[])[] = []
    const waiting = strands.values()
    const runSome = async (): Promise<void> => {
      for (const strand of waiting) suspects.push(await this.#inCompany(strand, steps))
    }
    const lanes = Array.from({ length: Math.min(steps.lanes, strands.length) }, runSome)
    const ends = await Promise.allSettled(lanes)
    for (const end of ends) if (end.status === 'rejected') throw end.reason
    for (const suspect of suspects.flat()) await this.#slots.alone(() => this.#alone(suspect, steps))
  }

  /** Handles a strand up to the first event that is suspected; returns the rest. */
  async #inCompany(
    strand: readonly UnorderedIntake[],
    { inCompany }: CarefulSteps,
  ): Promise<readonly UnorderedIntake[]> {
    for (const [at, intake] of strand.entries()) {
      const mark = this.#mark(intake, 0)
      if (!(await this.#take(mark))) return strand.slice(at)
      await this.#marked(mark, () => inCompany(intake))
    }
    return []
  }

  async #alone(intake: UnorderedIntake, steps: CarefulSteps): Promise<void> {
    const { attempts } = intake.domain.failure
    for (let deaths = 0; deaths < attempts; deaths++) {
      const mark = this.#mark(intake, deaths + 1)
      if (await this.#take(mark)) return this.#marked(mark, () => steps.alone(intake, deaths))
    }
    return steps.giveUp(intake, attempts)
  }

  /** Runs what a mark stands for; however that ends, nothing has died. */
  async #marked(mark: string, run: () => Promise<void>): Promise<void> {
    try {
      await run()
    } finally {
      this.#parts.wariness.made()
      // A mark that cannot be given back makes a suspect of the event for a while.
      await this.#parts.store.lease(mark, { holder: this.#holder, ms: 0 }).catch(() => undefined)
    }
  }

  async #take(mark: string): Promise<boolean> {
    const { store } = this.#parts
    return (await store.lease(mark, { holder: this.#holder, ms: markMs })) !== undefined
  }

  #mark(intake: UnorderedIntake, nth: number): string {
    return `unordered/${encodePart(this.#parts.consumer)}/${nth}/${identityOf(intake)}`
  }
}

/** What tells an event from all others: its id, or its content. */
export function identityOf({ path: stream, event }: UnorderedIntake): string {
  return deadLetterKey({ stream, payload: event, ...(event.id !== undefined && { id: event.id }) })
}

/** Whether an event is handled in the order of ids. */
export function isOrdered({ domain, event }: UnorderedIntake): boolean {
  return domain.numbering.orderWithin !== undefined && event.id !== undefined
}

// A call to the engine, and what arrived with it: each arrival knows its call and answers for itself, so
// that nobody has to find its way back. Upholds I3: a call ends only when all of it has an answer or failed.
import type { Position } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { TrackedIntake } from './intake.ts'
import type { ProcessResult } from './process-result.ts'
import type { TurnArrival } from './turn-outcome.ts'

/** An answer as it falls. */
export interface Answer {
  /** Which message of the call, from 0. */
  readonly index: number
  readonly result: ProcessResult
  /**
   * Stores that are not durable: where the event, or fill, is held. It is so until the stream's position has
   * reached it.
   */
  readonly held?: { readonly stream: StreamPath; readonly place: Position }
}

/** One call to the engine: some messages, or a look at some streams. */
export class Call {
  /** One a message, as far as there are answers. */
  readonly results: ProcessResult[] = []
  /** Streams for which something was decided. */
  readonly moved: Set<StreamPath> = new Set()
  /** Resolves once everything has an answer, or rejects with what failed first. */
  readonly done: Promise<undefined>
  readonly #answered: ((answer: Answer) => void) | undefined
  readonly #settle: PromiseWithResolvers<undefined> = Promise.withResolvers<undefined>()
  #failure: { readonly error: unknown } | undefined
  /** The parts that have not ended: one for whoever makes the call, and one for each thing it waits for. */
  #open = 1

  /** `answered`: is told each answer as soon as it is durable. */
  constructor(answered?: (answer: Answer) => void) {
    this.#answered = answered
    this.done = this.#settle.promise
    // Whoever made the call looks at it in its own time.
    this.done.catch(() => undefined)
  }

  /** Whether nobody waits for it any more. */
  get hasEnded(): boolean {
    return this.#open <= 0
  }

  /** Whether something of it has failed, though the rest may still go on. */
  get hasFailed(): boolean {
    return this.#failure !== undefined
  }

  /** So many more parts begin. */
  begin(parts: number = 1): void {
    this.#open += parts
  }

  /** So many parts have ended. */
  end(parts: number = 1): void {
    this.#open -= parts
    if (this.#open > 0) return
    if (this.#failure === undefined) this.#settle.resolve(undefined)
    else this.#settle.reject(this.#failure.error)
  }

  /** Something of the call failed; what has no answer by its end has none. */
  fail(error: unknown): void {
    this.#failure ??= { error }
  }

  /** Answers one message, which is a part that ends. `held`: as {@link Answer} has it. */
  answer(index: number, result: ProcessResult, held?: Answer['held']): void {
    this.results[index] = result
    this.#answered?.(held === undefined ? { index, result } : { index, result, held })
    if (this.#open > 1) this.#open--
    else this.end()
  }

  /** Adds to an answer what became of the event after it. */
  amend(index: number, later: Partial<ProcessResult>): void {
    const result = this.results[index]
    if (result !== undefined) this.results[index] = { ...result, ...later }
  }
}

/** An event, or a fill, of a call. */
export class CallArrival implements TurnArrival {
  // Declared only: fields would be written twice for each event.
  declare readonly intake: TrackedIntake
  declare readonly arrival: TrackedIntake['arrival']
  declare readonly event: TrackedIntake['event']
  declare readonly call: Call
  declare readonly index: number
  /** It was refused before, and comes again in the order of the refused ones. */
  declare readonly isAgain: boolean

  constructor(intake: TrackedIntake, call: Call, index: number, isAgain: boolean) {
    this.intake = intake
    this.arrival = intake.arrival
    this.event = intake.event
    this.call = call
    this.index = index
    this.isAgain = isAgain
  }

  get result(): ProcessResult | undefined {
    return this.call.results[this.index]
  }

  /** Where the event belongs, as far as that is known before it is decided. */
  get place(): Pick<ProcessResult, 'stream' | 'epoch' | 'sequence' | 'released'> {
    const { event, path: stream } = this.intake
    const sequence = 'fill' in event ? event.fill.from : event.sequence
    return { stream, epoch: event.epoch, ...(sequence !== undefined && { sequence }), released: [] }
  }

  /** Says what became of it; it has an end then. */
  answer(result: ProcessResult, held?: Answer['held']): void {
    this.call.answer(this.index, result, held)
  }

  /** Nothing became of it: its call comes again. */
  fail(error: unknown): void {
    this.call.fail(error)
    this.call.end()
  }
}

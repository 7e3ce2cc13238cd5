// Heals gaps from topics: what is missing may lie in another topic, or in a partition that this worker does
// not have. Brokers find offsets, and no numbers, so a window is read through, which is bounded and said;
// one reading answers everybody who has asked by then. Upholds I6 and I7.
import { InturnError } from '../../core/errors.ts'
import type { EventFrom } from '../../core/event-from.ts'
import { eventFrom as plainEventFrom } from '../../core/event-from.ts'
import { parseMessage, readText } from '../../core/parse-message.ts'
import { HealSearch } from '../../ports/heal-search.ts'
import type { Healer, HealRequest } from '../../ports/healer.ts'
import type { KafkaHistoryParts } from './kafka-history.ts'
import { KafkaHistory } from './kafka-history.ts'
import type { HeldDelivery } from './record-message.ts'

/** Somebody who waits for an answer. */
interface Question {
  readonly request: HealRequest
  readonly search: HealSearch<unknown>
  readonly answered: PromiseWithResolvers<readonly unknown[]>
}

const forgetful = { load: () => Promise.resolve(undefined), save: () => Promise.resolve() }
const readMax = 1_000
const readWaitMs = 250

/** The healer itself; made by `kafkaHealer`. */
export class KafkaHealer implements Healer {
  readonly name: string
  readonly #history: KafkaHistory
  readonly #eventFrom: EventFrom | undefined
  /** Those whom the next reading answers. */
  #waiting: Question[] = []
  #isReading = false

  constructor(parts: KafkaHistoryParts, eventFrom: EventFrom | undefined) {
    this.#history = new KafkaHistory(parts)
    this.name = this.#history.name
    this.#eventFrom = eventFrom
  }

  async heal(request: HealRequest): Promise<readonly unknown[]> {
    request.signal.throwIfAborted()
    if (request.wire !== undefined) {
      const why = 'cannot tell the rounds of a counter that wraps from one another'
      throw new InturnError('usage', `${this.name} ${why}`)
    }
    const answered = Promise.withResolvers<readonly unknown[]>()
    this.#waiting.push({ request, search: new HealSearch(request), answered })
    if (!this.#isReading) void this.#readOn().catch(() => undefined)
    return answered.promise
  }

  /** Reads the window again and again, as long as somebody waits. Never fails. */
  async #readOn(): Promise<void> {
    this.#isReading = true
    for (let asked = this.#waiting; asked.length > 0; asked = this.#waiting) {
      this.#waiting = []
      try {
        await this.#readFor(asked)
        for (const { request, search, answered } of asked) {
          request.onSearched?.(this.#history.offsets)
          answered.resolve(search.messages())
        }
      } catch (error) {
        for (const { answered } of asked) answered.reject(error)
      }
    }
    this.#isReading = false
  }

  async #readFor(asked: readonly Question[]): Promise<void> {
    const mappings = Map.groupBy(
      asked,
      ({ request }) => this.#eventFrom ?? request.eventFrom ?? plainEventFrom,
    )
    const streams = [...mappings].map(([eventFrom, own]) => ({
      eventFrom,
      questions: Map.groupBy(own, ({ request }) => request.stream),
    }))
    const unwanted = new AbortController()
    const stopIfUnwanted = (): void => {
      if (asked.some(({ request }) => !request.signal.aborted)) return
      unwanted.abort(asked[0]?.request.signal.reason)
    }
    for (const { request } of asked) request.signal.addEventListener('abort', stopIfUnwanted)
    await this.#history.open(forgetful)
    try {
      for await (const delivery of this.#each(unwanted.signal)) {
        for (const { eventFrom, questions } of streams) take(delivery, eventFrom, questions)
      }
    } finally {
      for (const { request } of asked) request.signal.removeEventListener('abort', stopIfUnwanted)
      await this.#history.close()
    }
  }

  async *#each(signal: AbortSignal): AsyncGenerator<HeldDelivery> {
    for (;;) {
      signal.throwIfAborted()
      const read = await this.#history.read({ max: readMax, waitMs: readWaitMs, signal })
      yield* read
      await this.#history.settle(read)
      if (read.length < readMax && (await this.#history.isCaughtUp())) return
    }
  }
}

function take(
  { message, domain, origin, problem }: HeldDelivery,
  eventFrom: EventFrom,
  questions: ReadonlyMap<string, readonly Question[]>,
): void {
  const parsed = problem === undefined ? parseMessage(message, eventFrom) : undefined
  if (parsed === undefined || !('fields' in parsed)) return
  const fields = { ...parsed.fields, domain: parsed.fields.domain ?? domain }
  const own = questions.get(readText(fields.stream) ?? '') ?? []
  for (const { search } of own) search.take(fields, readText(fields.id) ?? origin, message)
}

// What healers share that look through messages: which of them a question asks for, and no more of those than
// it takes. Upholds I7.
import type { EventFields } from '../core/event-from.ts'
import { readText } from '../core/parse-message.ts'
import { readEpoch, readSequence } from '../core/read-sequence.ts'
import type { Sequence } from '../core/sequence.ts'
import { compareSequences } from '../core/sequence.ts'
import type { HealRequest } from './healer.ts'

/** Different messages that are kept for one number: some may be of a domain that only the worker tells. */
const messagesOfNumberMax = 4

/**
 * Looks for what is asked for, as messages pass by: those with the lowest numbers, for no more numbers than
 * are asked for, each message once. Copies of one number do not keep the next ones out. Holds messages of
 * at most twice as many numbers.
 */
export class HealSearch<Message> {
  readonly #request: HealRequest
  #found = new Map<Sequence, Map<string, Message>>()

  constructor(request: HealRequest) {
    this.#request = request
  }

  /** Takes a message if it is asked for; `text` tells it from others of its number. */
  take(fields: EventFields, text: string, message: Message): void {
    const { domain, stream, epoch, from, to, limit } = this.#request
    if (readText(fields.stream) !== stream || readEpoch(fields.epoch) !== epoch) return
    if ((fields.domain ?? domain) !== domain) return
    const [first, last] = numbersOf(fields)
    if (typeof first === 'string' || typeof last === 'string' || first > to) return
    if (from !== null && last < from) return
    const known = this.#found.get(first)
    if (known === undefined) this.#found.set(first, new Map([[text, message]]))
    else if (known.size < messagesOfNumberMax) known.set(text, message)
    if (this.#found.size >= 2 * limit) this.#cut()
  }

  /** What was found, ascending. */
  messages(): readonly Message[] {
    this.#cut()
    return [...this.#found.values()].flatMap((messages) => [...messages.values()])
  }

  #cut(): void {
    const ascending = [...this.#found].sort(([a], [b]) => compareSequences(a, b))
    this.#found = new Map(ascending.slice(0, this.#request.limit))
  }
}

const anyNumber = { big: true, signed: true }

/** The first and last number of an event, or of a fill. */
function numbersOf({
  sequence: named,
  fill,
}: EventFields): readonly [from: Sequence | string, to: Sequence | string] {
  if (typeof fill !== 'object' || fill === null) {
    const sequence = readSequence(named, anyNumber)
    return [sequence, sequence]
  }
  const bound = (name: string): Sequence | string => readSequence(Reflect.get(fill, name), anyNumber)
  return [bound('from'), bound('to')]
}

// Gives numbers to a source that has none. What a number was given to is written in the same moment as the
// number, so a message that the source brings again has the number it had, also after a restart. Upholds I3.
import { checkFunctions, checkMethod, checkNames, checkTexts } from '../core/check-names.ts'
import { eventFrom } from '../core/event-from.ts'
import type { EventFields, EventFrom } from '../core/event-from.ts'
import { ExactNumber } from '../core/exact-number.ts'
import { parseMessage } from '../core/parse-message.ts'
import { checkCounts } from '../core/whole-number.ts'
import type { SequenceStore } from '../ports/sequence-store.ts'
import type { Checkpoint, Delivery, ReadRequest, Source } from '../ports/source.ts'

/** Options of {@link numbered}. */
export interface NumberedOptions {
  /** For example `sqliteSequences('bank.db')`. Opened and closed with the source. */
  readonly store: SequenceStore
  /** The domain of the messages, or of each of them. */
  readonly domain: string | ((fields: EventFields) => string | undefined)
  /** The stream key. Default: what the message names as its stream. */
  readonly scope?: (fields: EventFields) => string | undefined
  /** What the message is known by when it comes again. Default: its id. */
  readonly id?: (fields: EventFields) => string | undefined
  /** Reads the messages. Give it here and not to the worker, which gets events in inturn's own names. */
  readonly eventFrom?: EventFrom
  /**
   * How many ids are remembered with their numbers. A message that comes again after so many others is taken
   * for a new one. Default 100,000.
   */
  readonly windowMax?: number
}

/** Every option; the type sees to it that none is missing here. */
const optionNames: Readonly<Record<keyof NumberedOptions, true>> = {
  store: true,
  domain: true,
  scope: true,
  id: true,
  eventFrom: true,
  windowMax: true,
}

/** A message with its number. */
export interface NumberedDelivery<Message extends Delivery = Delivery> extends Delivery {
  /** As the source brought it. */
  readonly unnumbered: Message
}

/**
 * A source whose messages are numbered in the order in which they are read first.
 *
 * A message without a readable stream or id stays as it is: it becomes a dead letter `invalid`.
 *
 * @throws InturnError `config-invalid` when an option is unknown or out of its range
 * @example
 * const store = sqliteSequences('clicks.db')
 * const source = numbered(fileSource('clicks.ndjson'), { store, domain: 'click' })
 */
export function numbered<Message extends Delivery>(
  source: Source<Message>,
  options: NumberedOptions,
): Source<NumberedDelivery<Message>> {
  checkNames(options, 'numbered', Object.keys(optionNames))
  const { windowMax = 100_000, store, domain, scope, id, eventFrom } = options
  checkCounts('numbered', { windowMax })
  checkMethod(store, { path: 'numbered: store', method: 'reserve' })
  if (typeof domain !== 'function') checkTexts('numbered', { domain }, 'a name or a function')
  checkFunctions('numbered', { scope, id, eventFrom })
  return new NumberedSource(source, { ...options, windowMax })
}

interface Readable {
  readonly fields: EventFields
  readonly domain: string
  readonly stream: string
  readonly id: string
}

class NumberedSource<Message extends Delivery> implements Source<NumberedDelivery<Message>> {
  readonly name: string
  readonly kind: 'log' | 'queue'
  readonly #source: Source<Message>
  readonly #options: NumberedOptions & { readonly windowMax: number }
  /** Read from the source, and not numbered yet, since the store could not be reached. */
  #waiting: readonly Message[] = []

  constructor(source: Source<Message>, options: NumberedOptions & { readonly windowMax: number }) {
    this.name = source.name
    this.kind = source.kind
    this.#source = source
    this.#options = options
  }

  async open(checkpoint: Checkpoint): Promise<void> {
    this.#waiting = []
    await this.#options.store.open()
    await this.#source.open(checkpoint)
  }

  async read(request: ReadRequest): Promise<readonly NumberedDelivery<Message>[]> {
    if (this.#waiting.length === 0) this.#waiting = await this.#source.read(request)
    const messages = this.#waiting.slice(0, request.max)
    const deliveries = await this.#number(messages)
    this.#waiting = this.#waiting.slice(messages.length)
    return deliveries
  }

  settle(deliveries: readonly NumberedDelivery<Message>[]): Promise<void> {
    return this.#source.settle(deliveries.map(({ unnumbered }) => unnumbered))
  }

  release(deliveries: readonly NumberedDelivery<Message>[], delayMs: number): Promise<void> {
    return this.#source.release(
      deliveries.map(({ unnumbered }) => unnumbered),
      delayMs,
    )
  }

  async isCaughtUp(): Promise<boolean> {
    return this.#waiting.length === 0 && (await this.#source.isCaughtUp())
  }

  async close(): Promise<void> {
    try {
      await this.#source.close()
    } finally {
      await this.#options.store.close()
    }
  }

  async #number(messages: readonly Message[]): Promise<NumberedDelivery<Message>[]> {
    const read = messages.map((message) => this.#read(message))
    const readable = read.filter((one) => one !== undefined)
    const { store, windowMax } = this.#options
    const request = { scope: this.name, windowMax }
    const asked = readable.map(({ domain, stream, id }) => ({ domain, stream, id }))
    const numbers = asked.length === 0 ? [] : await store.assign({ ...request, messages: asked })
    const byMessage = new Map(readable.map((one, index) => [one, numbers[index]]))
    return messages.map((unnumbered, index) => {
      const one = read[index]
      const { origin, domain, fullBytes, digest, message } = unnumbered
      const rest = {
        origin,
        unnumbered,
        ...(fullBytes !== undefined && { fullBytes }),
        ...(digest !== undefined && { digest }),
      }
      if (one === undefined) return { ...rest, message, ...(domain !== undefined && { domain }) }
      return { ...rest, message: numberedMessage(one, byMessage.get(one)) }
    })
  }

  #read({ message, domain: known, fullBytes }: Message): Readable | undefined {
    const { eventFrom: from = eventFrom, domain, scope, id } = this.#options
    const parsed = fullBytes === undefined ? parseMessage(message, from) : { problem: 'it is not whole' }
    if ('problem' in parsed) return undefined
    const { fields } = parsed
    const names = {
      domain: typeof domain === 'string' ? domain : (domain(fields) ?? known),
      stream: scope === undefined ? readText(fields.stream) : scope(fields),
      id: id === undefined ? readText(fields.id) : id(fields),
    }
    return isNamed(names) ? { fields, ...names } : undefined
  }
}

function isNamed(
  names: Record<string, string | undefined>,
): names is Record<'domain' | 'stream' | 'id', string> {
  return Object.values(names).every((text) => text !== undefined && text !== '' && text.isWellFormed())
}

function numberedMessage({ fields, domain, stream }: Readable, sequence: number | undefined): object {
  const { id, type, time, data } = fields
  const rest = Object.entries({ id, type, time, data }).filter(([, value]) => value !== undefined)
  return { domain, stream, sequence, ...Object.fromEntries(rest) }
}

function readText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  const isNumber = typeof value === 'number' || typeof value === 'bigint' || value instanceof ExactNumber
  return isNumber ? String(value) : undefined
}

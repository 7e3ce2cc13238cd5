// Turns a message into an arrival: decoded, its domain found, its stream and number read. What cannot be read
// is `invalid` with its reason; nothing is defaulted or dropped. Upholds I3.
import { eventFrom } from '../core/event-from.ts'
import type { EventFields, EventFrom } from '../core/event-from.ts'
import type { FillEvent, InturnEvent } from '../core/event.ts'
import { eventFingerprint, fingerprint } from '../core/fingerprint.ts'
import { isTooDeep, keepable, tooDeep } from '../core/keepable.ts'
import type { Kept, Unkeepable } from '../core/keepable.ts'
import { isRecord, parseMessage, readText } from '../core/parse-message.ts'
import type { ReadMessage } from '../core/parse-message.ts'
import type { Arrival } from '../core/pass.ts'
import { madeOf, readTime } from '../core/producer-runs.ts'
import { epochText, readEpoch, readSequence } from '../core/read-sequence.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { streamPath } from '../core/stream-path.ts'
import { errorText } from '../core/thrown.ts'
import { deadLetterKey, unreadableKey } from '../ports/dead-letter-key.ts'
import type { DeadLetter, DeadLetterReason, InboxEntry } from '../ports/records.ts'
import type { LogPlace } from '../ports/source.ts'
import type { Domain, Domains, TrackedDomain, UnorderedDomain } from './domain.ts'
import type { IncomingMessage } from './incoming-message.ts'
import { messageBytes } from './incoming-message.ts'
import { keptMessage } from './kept-message.ts'
import { fieldsRead, namedFields, namedMapping, noStream } from './named-fields.ts'
import type { FieldsRead } from './named-fields.ts'
import type { IdOrder } from './ordered-arrivals.ts'

/** An event or a fill of a tracked stream. */
export interface TrackedIntake {
  readonly kind: 'tracked'
  readonly domain: TrackedDomain
  readonly path: StreamPath
  readonly arrival: Arrival
  /** The event; for a fill, what it says. */
  readonly event: InturnEvent | FillEvent
  /** From which fields its domain reads: with the first event of that. */
  readonly reads?: FieldsRead
  /** A counter that wraps: a healer brought it unasked, so that nobody knows of which turn it is. */
  readonly isUnasked?: boolean
}

/** An event of a domain without tracking. */
export interface UnorderedIntake {
  readonly kind: 'unordered'
  readonly domain: UnorderedDomain
  readonly path: StreamPath
  readonly event: InturnEvent
  /** Its source gave it out before, and does not know what became of it. */
  readonly isRedelivered: boolean
}

/** A message that is no event. */
export interface InvalidIntake {
  readonly kind: 'invalid'
  readonly deadLetter: Omit<DeadLetter, 'at'>
}

/** What became of a message at the door. */
export type Intake = TrackedIntake | UnorderedIntake | InvalidIntake

/** Reads messages for a set of domains. */
export class Intaker {
  readonly #domains: Domains
  readonly #eventFrom: EventFrom
  readonly #eventBytesMax: number
  readonly #streamBytesMax: number
  /** Domains of which an event has come. */
  readonly #known = new Set<TrackedDomain>()
  readonly #mappings = new Map<Domain, EventFrom>()

  constructor(options: {
    readonly domains: Domains
    readonly eventFrom: EventFrom
    readonly eventBytesMax: number
    readonly streamBytesMax: number
  }) {
    this.#domains = options.domains
    this.#eventFrom = options.eventFrom
    this.#eventBytesMax = options.eventBytesMax
    this.#streamBytesMax = options.streamBytesMax
  }

  /** Reads one message. Never throws. */
  read(incoming: IncomingMessage): Intake {
    try {
      const { message, fullBytes } = incoming
      const isShort =
        typeof message === 'string'
          ? message.length * 3 <= this.#eventBytesMax
          : !(message instanceof Uint8Array)
      const tooLarge = isShort && fullBytes === undefined ? undefined : this.#tooLarge(incoming)
      if (tooLarge !== undefined) return invalid({ incoming }, tooLarge, 'too-large')
      if (incoming.problem !== undefined) return invalid({ incoming }, incoming.problem)
      const read = parseMessage(incoming.message, this.#eventFrom)
      return 'problem' in read ? invalid({ incoming }, read.problem) : this.#readFields(incoming, read)
    } catch (error) {
      return invalid({ incoming }, `the event cannot be read: ${errorText(error)}`)
    }
  }

  /**
   * How a domain's events are found in messages, for whoever has to look for them: the same function each
   * time, so that what was found by it can be kept.
   */
  mappingOf(domain: Domain): EventFrom {
    if (domain.fields === undefined) return this.#eventFrom
    const mapping = this.#mappings.get(domain) ?? namedMapping(domain.fields, this.#eventFrom)
    this.#mappings.set(domain, mapping)
    return mapping
  }

  /** Whether two messages with one number bear the same event, or the same fill, by their ids or data. */
  areCopies(one: IncomingMessage, other: IncomingMessage): boolean {
    const [a, b] = [this.read(one), this.read(other)]
    return a.kind === 'tracked' && b.kind === 'tracked' && identityOf(a) === identityOf(b)
  }

  /** An event of which something could not be read when it came, read again by the mapping as it is now. */
  reread<Event extends InturnEvent>(event: Event): Event {
    if (event.problem === undefined) return event
    const read = parseMessage(event.data, this.#eventFrom)
    if ('problem' in read) return { ...event, problem: read.problem }
    const copy: Mutable<Event> = { ...event, problem: undefined }
    const own = namedFields(this.#domains.byName.get(event.domain)?.fields, read)
    const unkeepable = this.#carry(copy, own, event.data)
    return unkeepable === undefined ? copy : { ...event, problem: unkeepable.problem }
  }

  /** How a message is ordered by its id, where its domain wants that. Never throws. */
  orderOf(incoming: IncomingMessage): IdOrder | undefined {
    try {
      if (incoming.problem !== undefined || this.#tooLarge(incoming) !== undefined) return undefined
      const parsed = parseMessage(incoming.message, this.#eventFrom)
      if ('problem' in parsed) return undefined
      const domain = this.#domainOf(incoming, parsed.fields)
      if (typeof domain !== 'object' || domain.kind !== 'unordered') return undefined
      const id = readText(namedFields(domain.fields, parsed).fields.id)
      if (id === undefined) return undefined
      const { orderWithin: within } = domain.numbering
      return within && { domain: domain.name, id, within }
    } catch {
      return undefined
    }
  }

  /** Why a message is not read at all. What its source has cut is not looked into: it may look whole. */
  #tooLarge({ message, fullBytes }: IncomingMessage): string | undefined {
    const read = messageBytes(message)
    const bytes = fullBytes ?? read
    if (bytes !== undefined && bytes > this.#eventBytesMax)
      return `the event has ${bytes} bytes, more than ${this.#eventBytesMax}`
    if (fullBytes === undefined || read === undefined || read >= fullBytes) return undefined
    return `the event has ${fullBytes} bytes, more than the ${read} that its source reads`
  }

  /**
   * What an event carries, as it is kept. What our own mapping found in a JSON text has nothing but JSON in
   * it: it is not looked at any more.
   */
  #keptOf(
    content: unknown,
    { text, hasExactNumbers }: ReadMessage,
    used = 0,
    name?: string,
  ): Kept | Unkeepable {
    const isPlain = text !== undefined && !hasExactNumbers && this.#eventFrom === eventFrom
    if (!isPlain)
      return keepable(content, this.#eventBytesMax, name === undefined ? { used } : { used, name })
    if (isTooDeep(content, text)) return { problem: `data ${tooDeep}`, isTooLarge: false }
    return { value: content, inexact: [] }
  }

  #readFields(incoming: IncomingMessage, mapped: ReadMessage): Intake {
    const { only } = this.#domains
    const isOnly = mapped.fields.domain === undefined && incoming.domain === undefined
    const domain = isOnly && only !== undefined ? only : this.#domainOf(incoming, mapped.fields)
    const isNamed = typeof domain !== 'string' && domain.fields !== undefined
    const read = isNamed ? namedFields(domain.fields, mapped) : mapped
    const { fields } = read
    const known: Known = { incoming, fields }
    if (fields.problem !== undefined) return invalid(known, fields.problem)
    if (typeof domain === 'string') return invalid(known, domain)
    const stream =
      typeof fields.stream === 'string' && fields.stream !== '' ? fields.stream : readText(fields.stream)
    if (stream?.isWellFormed() === false) return invalid(known, 'the stream key is no well-formed Unicode')
    if (domain.kind === 'unordered') return this.#readUnordered(domain, read, { ...known, key: stream ?? '' })
    if (stream === undefined) return invalid(known, noStream(domain.fields, this.#eventFrom))
    if (fields.streamProblem !== undefined) return invalid(known, fields.streamProblem)
    const streamBytes = stream.length * 3 > this.#streamBytesMax ? Buffer.byteLength(stream) : 0
    if (streamBytes > this.#streamBytesMax) {
      return invalid(known, `the stream key has ${streamBytes} bytes, more than ${this.#streamBytesMax}`)
    }
    return this.#readTracked(domain, read, { known, stream })
  }

  #readTracked(
    domain: TrackedDomain,
    read: ReadMessage,
    { known, stream }: { readonly known: Known; readonly stream: string },
  ): Intake {
    const { fields } = read
    const path = streamPath(domain.name, stream)
    known.stream = path
    const epoch = fields.epoch === undefined ? 0 : readEpoch(fields.epoch)
    if (typeof epoch === 'string') return invalid(known, epochText(epoch))
    known.epoch = epoch
    if (fields.fill !== undefined && isRecord(fields.fill)) {
      const fill = this.#keptOf(fields.fill, read, 0, 'fill')
      if ('problem' in fill) return unkept(known, fill)
      return readFill({ domain, stream, path, epoch }, { ...read, fill: fill.value }, known)
    }
    const sequence = readSequence(fields.sequence, domain.reading)
    if (typeof sequence === 'string') return invalid(known, `the sequence is ${sequence}`)
    known.sequence = sequence
    const previous =
      fields.previous === undefined || fields.previous === null
        ? fields.previous
        : readSequence(fields.previous, { big: true })
    if (typeof previous === 'string') return invalid(known, `previous is ${previous}`)
    const event: Mutable<InturnEvent> = { domain: domain.name, stream, epoch, sequence, data: undefined }
    if (domain.isWrapped) event.wireSequence = Number(sequence)
    if (previous !== undefined) event.previous = previous
    if (domain.producer !== undefined) noteProducer(event, read, domain.producer)
    const unkeepable = this.#carry(event, read, known.incoming.message)
    if (unkeepable !== undefined) return unkept(known, unkeepable)
    const arrival = arrivalOf(event, domain, known.incoming.logPlace)
    if (this.#known.has(domain)) return { kind: 'tracked', domain, path, arrival, event }
    this.#known.add(domain)
    const reads = fieldsRead(domain.fields, read.record, this.#eventFrom)
    return { kind: 'tracked', domain, path, arrival, event, reads }
  }

  #readUnordered(
    domain: UnorderedDomain,
    read: ReadMessage,
    { key, incoming }: Known & { readonly key: string },
  ): Intake {
    const { fields } = read
    const path = streamPath(domain.name, key)
    const event: Mutable<InturnEvent> = { domain: domain.name, stream: key, epoch: 0, data: undefined }
    const sequence = fields.sequence === undefined ? undefined : readSequence(fields.sequence, { big: true })
    if (sequence !== undefined && typeof sequence !== 'string') event.sequence = sequence
    const unkeepable = this.#carry(event, read, incoming.message)
    if (unkeepable !== undefined)
      return unkept({ incoming, fields, stream: path, isUnordered: true }, unkeepable)
    return { kind: 'unordered', domain, path, event, isRedelivered: incoming.redelivered === true }
  }

  /**
   * Gives the event what it carries, or says why that cannot be kept. Where a part of it cannot be read, its
   * data is the message as it came, which can be read again.
   */
  #carry(event: Mutable<InturnEvent>, read: ReadMessage, message: unknown): Unkeepable | undefined {
    const { fields } = read
    try {
      if (fields.dataProblem !== undefined)
        return this.#carryUnread(event, message, fields.dataProblem, fields)
      const id = readText(fields.id)
      const type = fields.type === undefined ? undefined : readText(fields.type)
      const time = fields.time === undefined ? undefined : readText(fields.time)
      const used = (id?.length ?? 0) + (type?.length ?? 0) + (time?.length ?? 0)
      const kept = this.#keptOf(fields.data, read, used)
      if ('problem' in kept) {
        const isText = typeof message === 'string' || message instanceof Uint8Array
        // What came as text can be kept as it came, so that it takes its number.
        if (kept.isTooLarge || !isText) return kept
        return this.#carryUnread(event, message, kept.problem, fields)
      }
      if (id !== undefined) event.id = id
      if (type !== undefined) event.type = type
      if (time !== undefined) event.time = time
      event.data = kept.value
      if (kept.inexact.length > 0) event.inexact = kept.inexact
      if (fields.traceparent !== undefined) noteTrace(event, fields)
      return undefined
    } catch (error) {
      return this.#carryUnread(event, message, errorText(error), fields)
    }
  }

  #carryUnread(
    event: Mutable<InturnEvent>,
    message: unknown,
    why: string,
    fields: EventFields,
  ): Unkeepable | undefined {
    const kept = keepable(message, this.#eventBytesMax + 2, { name: 'the message' })
    if ('problem' in kept) return kept
    for (const part of ['id', 'type', 'time'] as const) {
      const text = partOf(fields, part)
      if (text !== undefined) event[part] = text
    }
    noteTrace(event, fields)
    event.data = kept.value
    event.problem = `it cannot be read: ${why}`.slice(0, 500)
    return undefined
  }

  #domainOf(incoming: IncomingMessage, fields: EventFields): Domain | string {
    const named = fields.domain ?? incoming.domain
    if (named !== undefined && named !== null) {
      const domain = typeof named === 'string' ? this.#domains.byName.get(named) : undefined
      return domain ?? `unknown-domain: no domain is named ${JSON.stringify(named)}`
    }
    if (this.#domains.only !== undefined) return this.#domains.only
    const { type } = fields
    const ofType = typeof type === 'string' ? this.#domains.ofType(type) : undefined
    return (
      ofType ??
      this.#domains.byName.get(incoming.domainElse ?? '') ??
      `unknown-domain: the event names no domain, and no domain lists its type ${JSON.stringify(type)}`
    )
  }
}

/** A message, and what could be read of it. */
interface Known {
  readonly incoming: IncomingMessage
  /** As far as they were found. */
  readonly fields?: EventFields
  stream?: StreamPath
  epoch?: Epoch
  sequence?: Sequence
  /** In an unordered domain an event is known by its id; in a tracked one by its number before all. */
  readonly isUnordered?: true
}

/** An event while it is made. */
type Mutable<Fields> = { -readonly [Field in keyof Fields]: Fields[Field] }

const traceparentForm = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}(?:-.*)?$/
/** What W3C Trace Context asks everybody to pass on at least, in characters. */
const tracestateMax = 512

/** How much of the reason of a fill is kept, in characters. */
const reasonMax = 500

/** Notes where the producer's trace stands. One that cannot be read makes no event wrong. */
function noteTrace(event: Mutable<InturnEvent>, { traceparent, tracestate }: EventFields): void {
  if (typeof traceparent !== 'string' || traceparent.length > 100 || !traceparentForm.test(traceparent))
    return
  event.traceparent = traceparent
  if (typeof tracestate !== 'string' || tracestate === '' || tracestate.length > tracestateMax) return
  event.tracestate = tracestate
}

/** A part of an event; `undefined` where it cannot be read. */
function partOf(fields: EventFields, part: 'id' | 'type' | 'time'): string | undefined {
  try {
    return readText(fields[part])
  } catch {
    return undefined
  }
}

function invalid(place: Known, detail: string, reason: DeadLetterReason = 'invalid'): InvalidIntake {
  const { stream, epoch, sequence, fields = {}, incoming, isUnordered } = place
  const id = partOf(fields, 'id')
  const { kept, digest } = keptMessage(incoming)
  const isKnown = sequence !== undefined || (isUnordered && id !== undefined)
  return {
    kind: 'invalid',
    deadLetter: {
      key:
        stream !== undefined && isKnown
          ? deadLetterKey({ stream, epoch, sequence, id, digest, payload: kept.payload })
          : unreadableKey({ stream, digest, origin: incoming.origin }),
      reason,
      detail: detail.slice(0, 500),
      ...kept,
      ...(stream !== undefined && { stream }),
      ...(epoch !== undefined && { epoch }),
      ...(sequence !== undefined && { sequence }),
      ...(id !== undefined && { id }),
    },
  }
}

function unkept(place: Known, { problem, isTooLarge }: Unkeepable): InvalidIntake {
  return invalid(place, `the event cannot be kept: ${problem}`, isTooLarge ? 'too-large' : 'invalid')
}

function readFill(
  where: {
    readonly domain: TrackedDomain
    readonly stream: string
    readonly path: StreamPath
    readonly epoch: Epoch
  },
  { fill, ...read }: ReadMessage & { readonly fill: unknown },
  place: Known,
): Intake {
  const { domain, stream, path, epoch } = where
  if (!isRecord(fill)) return invalid(place, 'fill takes { from, to, reason }')
  const reading = { ...domain.reading, big: false }
  const from = readSequence(fill['from'], reading)
  const to = readSequence(fill['to'], reading)
  if (typeof from !== 'number' || typeof to !== 'number') {
    return invalid(place, `fill takes whole numbers: from is ${String(from)}, to is ${String(to)}`)
  }
  const reason = shortened(readText(fill['reason']) ?? '')
  const time = readText(read.fields.time)
  const event: Mutable<FillEvent> = { domain: domain.name, stream, epoch, fill: { from, to, reason } }
  if (time !== undefined) event.time = time
  if (domain.producer !== undefined) noteProducer(event, read, domain.producer)
  const arrival = arrivalOf(event, domain, place.incoming.logPlace)
  return { kind: 'tracked', domain, path, arrival, event }
}

/** The reason of a fill, which is kept with each range that it covers, and with a stream while it is held. */
function shortened(reason: string): string {
  return reason.length <= reasonMax ? reason : `${reason.slice(0, reasonMax).toWellFormed()}...`
}

/** Notes who wrote a message, where its domain names the field, dotted where it lies deeper. */
function noteProducer(
  event: { producer?: string },
  { record }: ReadMessage,
  producer: readonly string[],
): void {
  const found = producer.reduce<unknown>((value, name) => (isRecord(value) ? value[name] : undefined), record)
  const name = readText(found)
  if (name !== undefined) event.producer = name
}

/**
 * What the rules need of an event or a fill, whether it has just come or was kept whole: its place as it was
 * on the wire, and what it is told by. `logPlace`: where its log had it, which counts where numbers wrap.
 */
export function arrivalOf(
  event: InboxEntry['arrival'],
  { rules, isWrapped }: TrackedDomain,
  logPlace?: LogPlace,
): Arrival {
  const place =
    isWrapped && logPlace !== undefined ? { log: fingerprint(logPlace.log), at: logPlace.at } : undefined
  if ('fill' in event) return { kind: 'fill', epoch: event.epoch, ...event.fill, ...madeOf(event), place }
  const { id, data, previous, time, producer, sequence = 0, wireSequence = sequence } = event
  // All of one shape, whatever an event says.
  return {
    kind: 'event',
    epoch: event.wireEpoch ?? event.epoch,
    sequence: wireSequence,
    previous,
    print: rules.conflictMemory === 0 ? 0 : eventFingerprint(id, data),
    isUnnamed: id === undefined,
    known: undefined,
    time: time === undefined ? undefined : readTime(time),
    producer: producer === undefined ? undefined : fingerprint(producer),
    place,
  }
}

function identityOf({ event }: TrackedIntake): number {
  return 'fill' in event ? eventFingerprint(undefined, event.fill) : eventFingerprint(event.id, event.data)
}

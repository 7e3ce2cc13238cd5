// Producers, relays, healers and sequencers that are broken on purpose, each between a part of inturn and its
// port, so that nothing in the product knows of it.
import type { Appended, LoggedEvent, StreamAppend } from '../../../src/core/logged-event.ts'
import type { EventLog } from '../../../src/ports/event-log.ts'
import type { SequenceStore } from '../../../src/ports/sequence-store.ts'
import { systemTimers } from '../../../src/ports/timers.ts'
import { followPages, readPages } from '../../../src/storage/read-log.ts'
import type { ProducerMutation } from './producer-mutation.ts'

/** A broken system, and what at least one of its breaches must begin with. */
export interface ProducerMutant {
  readonly name: string
  readonly breaks: readonly string[]
  readonly mutation: ProducerMutation
}

/** What an id bears so that the log takes it for another one. */
const disguise = /~\d+$/
let disguised = 0

function plain<Event extends { readonly id: string }>(event: Event): Event {
  return { ...event, id: event.id.replace(disguise, '') }
}

function disguisedAppend(append: StreamAppend): StreamAppend {
  return { ...append, events: append.events.map((event) => ({ ...event, id: `${event.id}~${disguised++}` })) }
}

function plainAppended(appended: Appended): Appended {
  return { ...appended, events: appended.events.map(plain) }
}

async function* plainEvents(events: AsyncIterable<LoggedEvent>): AsyncGenerator<LoggedEvent, void> {
  for await (const event of events) yield plain(event)
}

/** A log that knows no id again. */
function forgetful(log: EventLog): EventLog {
  const page: EventLog['page'] = async (request) => {
    const { events, ...rest } = await log.page(request)
    return { events: events.map(plain), ...rest }
  }
  return {
    name: log.name,
    durable: log.durable,
    open: () => log.open(),
    close: () => log.close(),
    append: async (append) => plainAppended(await log.append(disguisedAppend(append))),
    appendAll: async (appends) => (await log.appendAll(appends.map(disguisedAppend))).map(plainAppended),
    read: (read) => plainEvents(log.read(read)),
    readAll: (read = {}) => readPages(page, read),
    subscribe: (subscription = {}) => followPages({ page, timers: systemTimers, pollMs: 100 }, subscription),
    page,
    bounds: (stream) => log.bounds(stream),
    trim: (trim) => log.trim(trim),
  }
}

/** A log that appends wherever the stream is by now. */
function unexpecting(log: EventLog): EventLog {
  return { ...bound(log), append: ({ domain, stream, events }) => log.append({ domain, stream, events }) }
}

/** A log whose pages say that they reach one place further than they do, unless they are the last. */
function overreaching(log: EventLog): EventLog {
  const page: EventLog['page'] = async (request) => {
    const found = await log.page(request)
    return found.isEnd ? found : { ...found, through: found.through + 1 }
  }
  return { ...bound(log), page }
}

function bound(log: EventLog): EventLog {
  return {
    name: log.name,
    durable: log.durable,
    open: () => log.open(),
    close: () => log.close(),
    append: (append) => log.append(append),
    appendAll: (appends) => log.appendAll(appends),
    read: (read) => log.read(read),
    readAll: (read) => log.readAll(read),
    subscribe: (subscription) => log.subscribe(subscription),
    page: (request) => log.page(request),
    bounds: (stream) => log.bounds(stream),
    trim: (trim) => log.trim(trim),
  }
}

function boundSequences(sequences: SequenceStore): SequenceStore {
  return {
    name: sequences.name,
    durable: sequences.durable,
    open: () => sequences.open(),
    close: () => sequences.close(),
    reserve: (stream, request) => sequences.reserve(stream, request),
    use: (reservation) => sequences.use(reservation),
    burn: (reservation, reason) => sequences.burn(reservation, reason),
    burned: (request) => sequences.burned(request),
    published: (reservations) => sequences.published(reservations),
    assign: (request) => sequences.assign(request),
    last: (stream) => sequences.last(stream),
  }
}

/** Every broken system that the simulation has to notice. */
export const producerMutants: readonly ProducerMutant[] = [
  { name: 'appends a retry a second time', breaks: ['I2', 'I3'], mutation: { log: forgetful } },
  { name: 'appends without looking where the stream is', breaks: ['I5'], mutation: { log: unexpecting } },
  { name: 'skips an event between two pages', breaks: ['I1'], mutation: { log: overreaching } },
  {
    name: 'keeps the place of a relay before what it sends has arrived',
    breaks: ['I1:'],
    mutation: {
      sink: (sink, timers) => ({
        ...sink,
        send: async (messages, options) => {
          timers.after(300, () => void sink.send(messages, options).catch(() => undefined))
        },
      }),
    },
  },
  {
    name: 'asks the healer for one number too few',
    breaks: ['I1 or I2'],
    mutation: {
      healer: (healer) => ({
        name: healer.name,
        heal: (request) => healer.heal({ ...request, from: Number(request.from ?? 0) + 1 }),
      }),
    },
  },
  {
    name: 'begins one number behind what retention has left',
    breaks: ['I1 or I2'],
    mutation: {
      baseline: (baseline) => async (stream) => {
        const first = await baseline(stream)
        return first === undefined ? undefined : first + 1
      },
    },
  },
  {
    name: 'uses numbers whose claim has ended',
    breaks: ['I2', 'I3'],
    mutation: {
      sequences: (sequences) => ({
        ...boundSequences(sequences),
        use: async (reservation) => (await sequences.use(reservation)) || true,
      }),
    },
  },
  {
    name: 'forgets the fills that it has not published yet',
    breaks: ['I3'],
    mutation: {
      sequences: (sequences) => ({
        ...boundSequences(sequences),
        burned: async (request) => {
          const burned = await sequences.burned(request)
          await sequences.published(burned.map(({ reservation }) => reservation))
          return burned
        },
        published: () => Promise.resolve(),
      }),
    },
  },
]

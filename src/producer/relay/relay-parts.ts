// What a relay is made of, once its options have been checked. Every error names the option and what it
// takes.
import { checkNames, checkTextLists, givenText } from '../../core/check-names.ts'
import type { Duration } from '../../core/duration.ts'
import { durationMs } from '../../core/duration.ts'
import { InturnError } from '../../core/errors.ts'
import { wholeNumber } from '../../core/whole-number.ts'
import type { EventLog, LogFilter } from '../../ports/event-log.ts'
import type { Log } from '../../ports/log.ts'
import { sayTo } from '../../ports/log.ts'
import type { RelayListener, RelayNews, RelayTelemetry } from '../../ports/relay-news.ts'
import type { Sink } from '../../ports/sink.ts'
import type { Store } from '../../ports/store.ts'
import type { TelemetryProvider } from '../../ports/telemetry.ts'
import type { Random, Timers } from '../../ports/timers.ts'
import { systemRandom, systemTimers } from '../../ports/timers.ts'
import { relayLog } from './relay-log.ts'
import type { RelayForm } from './relay-message.ts'

/** What a relay needs of a store: leases, and where to keep its places. */
export type RelayStore = Pick<Store, 'open' | 'now' | 'lease' | 'checkpoint'>

/** Options of a relay. */
export interface RelayOptions extends LogFilter {
  /** Relays of one name share the work, and go on where the others ended. */
  readonly name: string
  /** Opened by the relay; closed by whoever made it. */
  readonly log: EventLog
  /** Opened while the relay has something to send there, and closed by it. */
  readonly sink: Sink
  /** Opened by the relay; closed by whoever made it. Relays that share the work share it. */
  readonly store: RelayStore
  /**
   * Where a relay begins whose name has no place yet. `first` (default): at the first event; an error where
   * that was removed. `kept`: at the first event that is still there.
   */
  readonly start?: 'first' | 'kept'
  /** What a message looks like. Default `cloudevent`. */
  readonly form?: RelayForm
  /** Events, at most, that are sent together. Default 500. */
  readonly batch?: number
  /**
   * Parts into which the streams are divided. Each is sent by itself, by one relay at a time. 1 to 64;
   * default 1.
   */
  readonly shards?: number
  /** Shards, at most, that this relay has at one time, so that others have some too. Default: all. */
  readonly shardsMax?: number
  /** How long another relay waits for one that has fallen silent; from 30 ms. Default 10 s. */
  readonly lease?: Duration
  /** How long the sink may take for a batch before its signal fires; from 1 ms. Default 1 m. */
  readonly sendTimeout?: Duration
  /** How often the log is looked at when nothing came, in milliseconds. Default 100. */
  readonly pollMs?: number
  /**
   * Is told what happens, and measures: a function, `prometheus()`, `openTelemetry()`, or a list of them.
   * What one throws is ignored.
   */
  readonly telemetry?: RelayWatch | readonly RelayWatch[]
  /**
   * Says what fails: any logger with `warn` and `error`. Default: lines on standard error; `false`: nobody.
   */
  readonly logger?: Log | false
  readonly timers?: Timers
  readonly random?: Random
}

type RelayWatch = RelayTelemetry | TelemetryProvider

/** The parts of a relay. */
export interface RelayParts {
  readonly name: string
  readonly log: EventLog
  readonly sink: Sink
  readonly store: RelayStore
  readonly filter: LogFilter
  readonly start: 'first' | 'kept'
  readonly form: RelayForm
  readonly batch: number
  readonly shards: number
  readonly shardsMax: number
  readonly leaseMs: number
  readonly sendTimeoutMs: number
  readonly pollMs: number
  /** Unique to this relay. */
  readonly holder: string
  readonly timers: Timers
  readonly random: Random
  readonly tell: (news: RelayNews) => void
  /** Whether anybody listens to more than failures. */
  readonly isTold: boolean
  /** Tells those who listen that the relay has ended. */
  readonly tellEnd: () => void
  /** Opens those who listen; absent: nobody has to be opened. */
  readonly open: (() => Promise<void>) | undefined
}

/** Every option; the type sees to it that none is missing here. */
const optionNames: Readonly<Record<keyof RelayOptions, true>> = {
  name: true,
  log: true,
  sink: true,
  store: true,
  domains: true,
  types: true,
  start: true,
  form: true,
  batch: true,
  shards: true,
  shardsMax: true,
  lease: true,
  sendTimeout: true,
  pollMs: true,
  telemetry: true,
  logger: true,
  timers: true,
  random: true,
}

/**
 * Checks options.
 *
 * @throws InturnError `config-invalid` for one that is missing, unknown or out of its range
 */
export function relayParts(options: RelayOptions): RelayParts {
  checkNames(options, 'createRelay', Object.keys(optionNames))
  const { name, log, sink, store, start = 'first', form = 'cloudevent' } = options
  if (typeof name !== 'string' || name === '') throw invalid('name takes a text that is not empty')
  checkPort(log, 'page', "log takes an event log, for example sqliteEventLog('bank.db')")
  checkPort(sink, 'send', "sink takes a sink, for example fileSink('events.ndjson')")
  checkPort(store, 'lease', "store takes a store, for example sqliteStore('bank.db')")
  if (start !== 'first' && start !== 'kept')
    throw invalid(`start takes first or kept, not ${givenText(start)}`)
  if (form !== 'cloudevent' && form !== 'plain' && typeof form !== 'function') {
    throw invalid(`form takes cloudevent, plain or a function, not ${givenText(form)}`)
  }
  const shards = whole(options.shards ?? 1, 'shards', 64)
  const leaseMs = duration(options.lease ?? '10s', 'lease', 30)
  const sendTimeoutMs = duration(options.sendTimeout ?? '1m', 'sendTimeout', 1)
  const { timers = systemTimers, random = systemRandom } = options
  const watches = watchesOf(options)
  const opens = watches.flatMap(({ open }) => (open === undefined ? [] : [open]))
  const say = sayTo(options.logger, 'logger')
  const listeners = say === undefined ? watches : [{ tell: relayLog(say, { name, shards }) }, ...watches]
  return {
    name,
    log,
    sink,
    store,
    start,
    form,
    shards,
    leaseMs,
    sendTimeoutMs,
    timers,
    random,
    filter: filterOf(options),
    batch: whole(options.batch ?? 500, 'batch'),
    shardsMax: whole(options.shardsMax ?? shards, 'shardsMax', shards),
    pollMs: whole(options.pollMs ?? 100, 'pollMs'),
    holder: Array.from({ length: 3 }, () => random.next().toString(36).slice(2)).join(''),
    tell: (news) => quietly(listeners, ({ tell }) => tell(news)),
    tellEnd: () => quietly(listeners, ({ ended }) => ended?.()),
    isTold: watches.length > 0,
    open: opens.length === 0 ? undefined : async () => void (await Promise.all(opens.map((open) => open()))),
  }
}

function filterOf({ domains, types }: LogFilter): LogFilter {
  checkTextLists('createRelay', { domains, types })
  return { ...(domains !== undefined && { domains }), ...(types !== undefined && { types }) }
}

function watchesOf({ name, telemetry = [] }: RelayOptions): readonly RelayListener[] {
  const named: readonly RelayWatch[] = isList(telemetry) ? telemetry : [telemetry]
  return named.flatMap((one) => {
    if (typeof one === 'function') return [{ tell: one }]
    if (typeof one === 'object' && one !== null && typeof one.attach === 'function') {
      return one.attachRelay?.(name) ?? []
    }
    const takes = 'telemetry takes a function, openTelemetry(), prometheus(), or a list of them'
    throw invalid(`${takes}; not ${givenText(one)}`)
  })
}

function isList(given: RelayWatch | readonly RelayWatch[]): given is readonly RelayWatch[] {
  return Array.isArray(given)
}

function quietly(listeners: readonly RelayListener[], tell: (listener: RelayListener) => void): void {
  for (const listener of listeners) {
    try {
      tell(listener)
    } catch {
      // A listener's failure is its own.
    }
  }
}

function checkPort(port: unknown, method: string, message: string): void {
  const isPort = typeof port === 'object' && port !== null && typeof Reflect.get(port, method) === 'function'
  if (!isPort) throw invalid(message)
}

function whole(value: number, name: string, most?: number): number {
  return wholeNumber(value, { name: `createRelay: ${name}`, least: 1, most })
}

function duration(value: Duration, name: string, leastMs: number): number {
  const ms = durationMs(value, `createRelay: ${name}`)
  if (ms >= leastMs) return ms
  throw invalid(`${name} takes at least ${leastMs} ms, not ${String(value)}`)
}

function invalid(message: string): InturnError {
  return new InturnError('config-invalid', `createRelay: ${message}`)
}

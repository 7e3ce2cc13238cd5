// Who listens to an engine: a log, and whoever its user has named. Watching never disturbs: what a listener
// throws is its own affair, and where nobody listens for something nothing is made for it.
import { givenText } from '../core/check-names.ts'
import { InturnError } from '../core/errors.ts'
import type { Log } from '../ports/log.ts'
import { sayTo } from '../ports/log.ts'
import type {
  CallWatch,
  DurableTurn,
  EngineNews,
  HandlerBatch,
  HandlerCall,
  Listener,
  StoreCall,
  Telemetry,
  TelemetryProvider,
  WatchedEngine,
} from '../ports/telemetry.ts'
import type { Timers } from '../ports/timers.ts'
import { NewsLog } from './news-log.ts'

/** Who is to listen. */
export interface ListenOptions {
  readonly telemetry?: ListenerOption | readonly ListenerOption[] | undefined
  readonly log?: Log | false | undefined
}

type ListenerOption = Telemetry | TelemetryProvider

type Handled = NonNullable<Listener['handled']>

/** Those who watch calls of handlers, and batches of them. */
interface Watchers {
  /** Whether any of them wants to be told of a call that begins now. */
  readonly isAny: () => boolean
  readonly begin: (call: HandlerCall) => CallWatch | undefined
  readonly beginBatch: ((batch: HandlerBatch) => CallWatch | undefined) | undefined
}

/** Those who listen, as one; absent is what nobody listens for. */
export interface Listening {
  readonly open: (() => Promise<void>) | undefined
  readonly tell: (news: EngineNews) => void
  readonly watchers: Watchers | undefined
  readonly handled: Handled | undefined
  readonly turned: ((turn: DurableTurn) => void) | undefined
  readonly called: ((call: StoreCall) => void) | undefined
  readonly ended: () => void
}

/**
 * Has everybody listen to an engine.
 *
 * @throws InturnError `config-invalid` for a listener that is none
 */
export function listen(options: ListenOptions, timers: Timers, engine: WatchedEngine): Listening {
  const { telemetry = [], log } = options
  const named = isList(telemetry) ? telemetry : [telemetry]
  const listeners = [...logListeners(log, timers), ...named.map((one) => attached(one, engine))]
  const tell = toEach(listeners.flatMap((one) => one.tell?.bind(one) ?? []))
  const opens = listeners.flatMap(({ open }) => (open === undefined ? [] : [open]))
  return {
    open: opens.length === 0 ? undefined : async () => void (await Promise.all(opens.map((open) => open()))),
    tell: tell ?? (() => undefined),
    watchers: watchersOf(listeners),
    handled: toEachHandled(listeners.flatMap((one) => one.handled?.bind(one) ?? [])),
    turned: toEach(listeners.flatMap((one) => one.turned?.bind(one) ?? [])),
    called: toEach(listeners.flatMap((one) => one.called?.bind(one) ?? [])),
    ended: () => {
      for (const listener of listeners) quietly(() => listener.ended?.())
    },
  }
}

function isList(given: NonNullable<ListenOptions['telemetry']>): given is readonly ListenerOption[] {
  return Array.isArray(given)
}

function logListeners(log: ListenOptions['log'], timers: Timers): readonly Listener[] {
  const say = sayTo(log)
  return say === undefined ? [] : [{ tell: new NewsLog(say, () => timers.elapsedMs()).tell }]
}

function attached(telemetry: ListenerOption, engine: WatchedEngine): Listener {
  if (typeof telemetry === 'function') return { tell: telemetry }
  if (typeof telemetry === 'object' && telemetry !== null && typeof telemetry.attach === 'function') {
    return telemetry.attach(engine)
  }
  const takes = 'telemetry takes a function, openTelemetry(), prometheus(), or a list of them'
  throw new InturnError('config-invalid', `${takes}; not ${givenText(telemetry)}`)
}

/** Tells each of some listeners; `undefined` where there is none. */
function toEach<Told>(each: readonly ((told: Told) => unknown)[]): ((told: Told) => void) | undefined {
  if (each.length === 0) return undefined
  return (told) => {
    for (const one of each) {
      try {
        const given = one(told)
        if (given instanceof Promise) given.catch(() => undefined)
      } catch {
        // What a listener throws is its own affair.
      }
    }
  }
}

/** The same for calls of handlers, which are told one by one: nothing is made for any of them. */
function toEachHandled(each: readonly Handled[]): Handled | undefined {
  if (each.length === 0) return undefined
  return (domain, tookMs, failed) => {
    for (const one of each) {
      try {
        one(domain, tookMs, failed)
      } catch {
        // As above.
      }
    }
  }
}

function watchersOf(listeners: readonly Listener[]): Watchers | undefined {
  const ofCalls = listeners.filter(({ begin }) => begin !== undefined)
  const ofBatches = listeners.filter(({ beginBatch }) => beginBatch !== undefined)
  if (ofCalls.length === 0 && ofBatches.length === 0) return undefined
  return {
    isAny: () => ofCalls.some(isWatching),
    begin: (call) => begun(ofCalls, (one) => (isWatching(one) ? one.begin?.(call) : undefined)),
    beginBatch:
      ofBatches.length === 0 ? undefined : (batch) => begun(ofBatches, (one) => one.beginBatch?.(batch)),
  }
}

/** Whether a listener wants to be told of a call; one that fails to say is not. */
function isWatching(listener: Listener): boolean {
  return listener.isWatching === undefined || quietly(() => listener.isWatching?.()) === true
}

/** What some listeners begin, as one. */
function begun(
  listeners: readonly Listener[],
  begin: (listener: Listener) => CallWatch | undefined,
): CallWatch | undefined {
  const watches: CallWatch[] = []
  for (const listener of listeners) {
    const watch = quietly(() => begin(listener))
    if (watch !== undefined) watches.push(watch)
  }
  if (watches.length <= 1) return watches[0]
  return {
    within: (run) => watches.reduceRight<typeof run>((inner, watch) => () => runWithin(watch, inner), run)(),
    end: (failed) => {
      for (const watch of watches) quietly(() => watch.end(failed))
    },
  }
}

function runWithin<Result>(watch: CallWatch, run: () => Result): Result {
  return watch.within === undefined ? run() : watch.within(run)
}

/**
 * Runs calls of handlers under a watch; what they give or throw is given and thrown on. `failureOf`: what the
 * watch is told of what is thrown.
 */
export function watched<Result>(
  watch: CallWatch,
  run: () => Result,
  failureOf: (error: unknown) => unknown = (error) => error,
): Result {
  const fail = (error: unknown): void => quietly(() => watch.end({ error: failureOf(error) }))
  let result: Result
  try {
    result = runWithin(watch, run)
  } catch (error) {
    fail(error)
    throw error
  }
  if (result instanceof Promise) result.then(() => quietly(() => watch.end()), fail)
  else quietly(() => watch.end())
  return result
}

/** What a listener gives; nothing where it throws, or will. */
function quietly<Result>(run: () => Result): Result | undefined {
  try {
    const result = run()
    if (result instanceof Promise) result.catch(() => undefined)
    return result
  } catch {
    return undefined
  }
}

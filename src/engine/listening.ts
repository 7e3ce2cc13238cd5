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

/** Those who listen, as one; absent is what nobody listens for. */
export interface Listening {
  readonly open: (() => Promise<void>) | undefined
  readonly tell: (news: EngineNews) => void
  readonly begin: ((call: HandlerCall) => CallWatch | undefined) | undefined
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
  const [tell, turned, called] = [all(listeners, 'tell'), all(listeners, 'turned'), all(listeners, 'called')]
  const handlers = listeners.flatMap(({ handled }) => (handled === undefined ? [] : [handled]))
  const begins = listeners.flatMap(({ begin }) => (begin === undefined ? [] : [begin]))
  const opens = listeners.flatMap(({ open }) => (open === undefined ? [] : [open]))
  return {
    open: opens.length === 0 ? undefined : async () => void (await Promise.all(opens.map((open) => open()))),
    tell: tell ?? (() => undefined),
    begin: begins.length === 0 ? undefined : (call) => begun(begins, call),
    handled:
      handlers.length === 0
        ? undefined
        : (domain, tookMs, failed) => handledBy(handlers, domain, tookMs, failed),
    turned,
    called,
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

type Told = { tell: EngineNews; turned: DurableTurn; called: StoreCall }

/** All of one kind as one; `undefined` where there is none. */
function all<Kind extends keyof Told>(
  listeners: readonly Listener[],
  kind: Kind,
): ((told: Told[Kind]) => void) | undefined {
  const each = listeners.flatMap((listener) => {
    const one: unknown = listener[kind]
    return typeof one === 'function'
      ? [(told: Told[Kind]): unknown => Reflect.apply(one, listener, [told])]
      : []
  })
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

function handledBy(
  handlers: readonly Handled[],
  domain: string,
  tookMs: number,
  failed: Parameters<Handled>[2],
): void {
  for (const handled of handlers) {
    try {
      handled(domain, tookMs, failed)
    } catch {
      // As above.
    }
  }
}

function begun(
  begins: readonly ((call: HandlerCall) => CallWatch | undefined)[],
  call: HandlerCall,
): CallWatch | undefined {
  const watches: CallWatch[] = []
  for (const begin of begins) {
    const watch = quietly(() => begin(call))
    if (watch !== undefined) watches.push(watch)
  }
  if (watches.length <= 1) return watches[0]
  return {
    within: (run) =>
      watches.reduceRight<typeof run>(
        (inner, { within }) => (within === undefined ? inner : () => within(inner)),
        run,
      )(),
    end: (failed) => {
      for (const watch of watches) quietly(() => watch.end(failed))
    },
  }
}

/** Runs a handler's call under a watch; what the handler gives or throws is given and thrown on. */
export function watched<Result>(watch: CallWatch, run: () => Result): Result {
  const end = (failed?: { readonly error: unknown }): void => {
    quietly(() => watch.end(failed))
  }
  let result: Result
  try {
    result = watch.within === undefined ? run() : watch.within(run)
  } catch (error) {
    end({ error })
    throw error
  }
  if (result instanceof Promise)
    result.then(
      () => end(),
      (error: unknown) => end({ error }),
    )
  else end()
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

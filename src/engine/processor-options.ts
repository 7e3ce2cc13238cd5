// What a user writes to make a processor or a worker, beside the domains; and the engine made of it.
import { checkMethod, checkNames } from '../core/check-names.ts'
import type { Duration } from '../core/duration.ts'
import { InturnError } from '../core/errors.ts'
import type { EventFrom } from '../core/event-from.ts'
import { eventFrom } from '../core/event-from.ts'
import { streamBytesDefault } from '../core/stream-path.ts'
import { aroundStore, plainStore } from '../ports/around-store.ts'
import type { Log } from '../ports/log.ts'
import { checkRuntime } from '../ports/runtime.ts'
import type { Source } from '../ports/source.ts'
import type { Store } from '../ports/store.ts'
import type { StoreCall } from '../ports/telemetry.ts'
import type { Random, Timers } from '../ports/timers.ts'
import { systemRandom, systemTimers } from '../ports/timers.ts'
import { Engine } from './batch.ts'
import { limit, waitMs } from './check-options.ts'
import type { DomainOptions } from './domain-options.ts'
import type { Domains } from './domain.ts'
import type { EngineParts } from './engine-parts.ts'
import { Intaker } from './intake.ts'
import type { Listening, ListenOptions } from './listening.ts'
import { listen } from './listening.ts'
import { RecordRoom } from './record-room.ts'
import { resolveDomains, trackedOf } from './resolve-domains.ts'

/** Options of a processor and of a worker. */
export interface EngineOptions<
  Transaction = unknown,
  Commands = unknown,
  Domains = Readonly<Record<string, DomainOptions<Transaction, Commands>>>,
> {
  /** The reader's name: each has its own positions. */
  readonly consumer: string
  readonly store: Store<Transaction, Commands>
  readonly domains: Domains
  /**
   * Maps a message's envelope to an event. Default: CloudEvents 1.0, the plain schema, and inturn's own
   * names.
   */
  readonly eventFrom?: EventFrom
  /** Unique among the consumer's workers. Default: made at random. */
  readonly worker?: string
  /** Streams whose handlers may run side by side with `effects: 'external'`. Default 64. */
  readonly concurrency?: number
  /**
   * How long a claim lasts if its worker falls silent, at least 1 ms; it is renewed at a third. Default 30 s.
   */
  readonly claim?: Duration
  /** Events, at most, that are processed together. Default 500. */
  readonly batch?: number
  /** The largest event in bytes of its JSON. Default 1 MiB. */
  readonly eventBytesMax?: number
  /** The longest stream key in bytes. Default 512. */
  readonly streamBytesMax?: number
  /**
   * Dead letters of the consumer, at most: from there on nothing more is processed until there is room.
   * Approximate by what comes in 10 s. Default 1,000,000.
   */
  readonly deadLettersMax?: number
  /** Ledger entries of the consumer, at most, in the same way. Default 10,000,000. */
  readonly ledgerMax?: number
  /**
   * Where the events of the past are read from their beginning, where the source has forgotten them (a queue)
   * or is not at hand (a processor): for `redeliver`, and instead of the source for `replay`.
   */
  readonly history?: Source
  /**
   * `rebuild`: this is a consumer of its own that reads the history from its beginning; its handlers are told
   * by `context.replay`.
   */
  readonly replay?: 'rebuild'
  /**
   * Who is told what happens: a function, `openTelemetry()` of `inturn/telemetry/opentelemetry`,
   * `prometheus()` of `inturn/telemetry/prometheus`, or a list of them. What they throw is ignored.
   */
  readonly telemetry?: NonNullable<ListenOptions['telemetry']>
  /**
   * Where failures are heard: what stops a stream, dead letters, a store or source that fails. Any logger
   * with `warn` and `error` (pino, `console`). Default: standard error. `false`: nowhere.
   */
  readonly log?: Log | false
  /** Default: the machine's timers. */
  readonly timers?: Timers
  /** Default: `Math.random`. */
  readonly random?: Random
}

/** Options of a processor. */
export interface ProcessorOptions<
  Transaction = unknown,
  Commands = unknown,
  Domains = Readonly<Record<string, DomainOptions<Transaction, Commands>>>,
> extends EngineOptions<Transaction, Commands, Domains> {
  /**
   * Who looks after what nothing arrives for. Default: the processor itself, from its first call of `process`
   * or `sweep` on, about every second and without keeping the process alive; and `process` takes a sweep
   * along that is overdue. `with-process`: only that, for functions that are frozen between their calls.
   * `manual`: only `sweep()`.
   */
  readonly sweep?: 'with-process' | 'manual'
}

/** An engine with the parts that its owner needs too. */
export interface MadeEngine {
  readonly engine: Engine
  readonly parts: EngineParts
  readonly intaker: Intaker
  readonly room: RecordRoom
  readonly stop: AbortController
}

const engineNames = [
  'consumer',
  'store',
  'domains',
  'eventFrom',
  'worker',
  'concurrency',
  'claim',
  'batch',
  'eventBytesMax',
  'streamBytesMax',
  'deadLettersMax',
  'ledgerMax',
  'history',
  'replay',
  'telemetry',
  'log',
  'timers',
  'random',
]

/**
 * Checks options and makes an engine of them.
 *
 * @param otherNames - options that the engine's owner has besides
 * @throws InturnError `config-invalid` for an option that is missing, unknown or out of its range
 */
export function makeEngine<Transaction>(
  options: EngineOptions<Transaction>,
  otherNames: readonly string[] = [],
  source?: Source,
): MadeEngine {
  checkNames(options, '', [...engineNames, ...otherNames])
  checkRuntime()
  const { consumer, store, worker } = options
  checkName(consumer, 'consumer takes a name: the reader whose positions these are')
  if (worker !== undefined) checkName(worker, 'worker takes a name, unique among the workers of its consumer')
  if (typeof store !== 'object' || store === null || typeof store.work !== 'function') {
    throw new InturnError('config-invalid', "store takes a store, for example sqliteStore('billing.db')")
  }
  checkMethod(options.eventFrom, { path: 'eventFrom' })
  checkReplay(options)
  const domains = resolveDomains(options.domains)
  for (const { name, effects } of domains.byName.values()) {
    if (effects === 'transaction' && store.about.effects !== 'transaction') {
      throw new InturnError(
        'config-invalid',
        `domains.${name}.effects: ${store.about.name} has no transactions for handlers; it takes 'external'`,
      )
    }
  }
  const random = options.random ?? systemRandom
  const stop = new AbortController()
  const batchMax = whole(options.batch, 'batch', 500)
  const intaker = makeIntaker(options, domains)
  const timers = options.timers ?? systemTimers
  const name = worker ?? `w${markOf(random)}`
  const watched = { consumer, worker: name, reader: store.reader, source, domains: trackedOf(domains) }
  const listening = listen(options, timers, watched)
  const parts: EngineParts = {
    consumer,
    worker: name,
    life: `${name}/${markOf(random)}`,
    store: listenedStore(store, timers, listening),
    domains,
    mappingOf: (domain) => intaker.mappingOf(domain),
    timers,
    random,
    telemetry: listening.tell,
    watchers: listening.watchers,
    handled: listening.handled,
    turned: listening.turned,
    ended: listening.ended,
    concurrency: whole(options.concurrency, 'concurrency', 64),
    claimMs: waitMs(options.claim, { name: 'claim', fallback: '30s' }),
    batchMax,
    ...(options.replay !== undefined && { replay: options.replay }),
    quarantine: { left: 0 },
    reread: (event) => intaker.reread(event),
    stop: stop.signal,
  }
  const room = new RecordRoom(parts, {
    deadLettersMax: whole(options.deadLettersMax, 'deadLettersMax', 1_000_000),
    ledgerMax: whole(options.ledgerMax, 'ledgerMax', 10_000_000),
  })
  return { engine: new Engine(parts, intaker), parts, intaker, room, stop }
}

/** A few letters that nobody else has. */
function markOf(random: Random): string {
  return Math.floor(random.next() * 2 ** 48).toString(36)
}

/** Makes what reads messages. */
export function makeIntaker<Transaction>(
  options: Pick<EngineOptions<Transaction>, 'domains' | 'eventFrom' | 'eventBytesMax' | 'streamBytesMax'>,
  domains: Domains = resolveDomains(options.domains),
): Intaker {
  return new Intaker({
    domains,
    eventFrom: options.eventFrom ?? eventFrom,
    eventBytesMax: whole(options.eventBytesMax, 'eventBytesMax', 1024 * 1024),
    streamBytesMax: whole(options.streamBytesMax, 'streamBytesMax', streamBytesDefault),
  })
}

function whole(value: number | undefined, name: string, fallback: number): number {
  return limit(value, { name, fallback, least: 1 })
}

function checkReplay({ replay, history }: { readonly replay?: unknown; readonly history?: unknown }): void {
  if (replay !== undefined && replay !== 'rebuild') {
    throw new InturnError('config-invalid', `replay takes 'rebuild', not ${JSON.stringify(replay)}`)
  }
  if (history === undefined) return
  const isSource = typeof history === 'object' && history !== null && 'read' in history
  if (!isSource || typeof history.read !== 'function') {
    const takes = "history takes a source, for example fileSource('archive.ndjson')"
    throw new InturnError('config-invalid', takes)
  }
}

function checkName(name: unknown, takes: string): void {
  if (typeof name !== 'string' || name === '') throw new InturnError('config-invalid', takes)
}

/** A store that tells each of its calls, and opens once those who listen are ready. */
function listenedStore(store: Store, timers: Timers, { called, open }: Listening): Store {
  const told = called === undefined ? plainStore(store) : timedStore(store, timers, called)
  if (open !== undefined) return { ...told, open: () => open().then(() => told.open()) }
  return called === undefined ? store : told
}

function timedStore(store: Store, timers: Timers, called: (call: StoreCall) => void): Store {
  return aroundStore(store, async ({ method }, run) => {
    const beganMs = timers.elapsedMs()
    try {
      return await run()
    } finally {
      called({ method, tookMs: timers.elapsedMs() - beganMs })
    }
  })
}

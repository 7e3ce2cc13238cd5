// What all parts of an engine share: its name, its store, its limits, and the outside world through ports.
import type { EventFrom } from '../core/event-from.ts'
import type { InturnEvent } from '../core/event.ts'
import type { Store } from '../ports/store.ts'
import type { Telemetry } from '../ports/telemetry.ts'
import type { Random, Timers } from '../ports/timers.ts'
import type { Domain, Domains } from './domain.ts'
import type { Listening } from './listening.ts'

/** The shared parts of an engine. */
export interface EngineParts {
  readonly consumer: string
  /** Unique among the consumer's workers. */
  readonly worker: string
  /** This life of the engine, for leases: one with the same name that comes after it is another holder. */
  readonly life: string
  readonly store: Store
  readonly domains: Domains
  /** How a domain's events are found in messages; the same function each time. */
  readonly mappingOf: (domain: Domain) => EventFrom
  readonly timers: Timers
  readonly random: Random
  readonly telemetry: Telemetry
  /** Watches calls of handlers, and turns; absent: nobody does. */
  readonly watchers: Listening['watchers']
  readonly handled: Listening['handled']
  readonly turned: Listening['turned']
  /** Says that the engine has ended. */
  readonly ended: () => void
  /** Streams whose handlers may run side by side. */
  readonly concurrency: number
  readonly claimMs: number
  /** Events read, and held events or entries of an inbox taken, at a time. */
  readonly batchMax: number
  /** The consumer rebuilds from history; its handlers are told. */
  readonly replay?: 'rebuild'
  /** Reads an event again of which something could not be read when it came; any other stays as it is. */
  readonly reread: <Event extends InturnEvent>(event: Event) => Event
  /** How many deliveries are still made in quarantine, of any stream, since a worker has died. */
  readonly quarantine: { left: number }
  /** Fires when the engine must end at once. */
  readonly stop: AbortSignal
}

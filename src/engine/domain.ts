// A domain as the engine carries it: every option checked and resolved.
import type { InturnEvent } from '../core/event.ts'
import type { Unordered } from '../core/numbering.ts'
import type { NumberReading } from '../core/read-sequence.ts'
import type { StreamRules } from '../core/rules.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import type { Healer } from '../ports/healer.ts'
import type { StandardSchema } from '../ports/standard-schema.ts'
import type { HealingPolicy } from './healing/resolve-healing.ts'
import type { FieldPaths } from './named-fields.ts'

/** How failures of a domain's handler are met. */
export interface FailurePolicy {
  readonly attempts: number
  readonly backoffMs: number
  readonly backoffMaxMs: number
  readonly then: 'halt' | 'dead-letter'
  readonly retryable: (error: unknown) => boolean
}

interface CommonDomain {
  readonly name: string
  readonly effects: 'transaction' | 'external'
  readonly handle: ((event: InturnEvent, context: unknown) => unknown) | undefined
  readonly handleBatch: ((events: readonly InturnEvent[], context: unknown) => unknown) | undefined
  readonly filter: ((event: InturnEvent) => boolean) | undefined
  /** By event type; `*` is any other type. */
  readonly schemas: ReadonlyMap<string, StandardSchema> | undefined
  /** The output of its schema for events that were found to fit, as the event in hand that was checked. */
  readonly parsed: WeakMap<InturnEvent, { readonly data: unknown }>
  /** Handlers, filters and schemas get numbers as they are in the JSON, and not as JavaScript rounds them. */
  readonly exactNumbers: boolean
  /** The ways to the fields that its events are read from, where it names some. */
  readonly fields: FieldPaths | undefined
  readonly failure: FailurePolicy
  readonly timeoutMs: number
  /** Its handlers are never called at once in one transaction. */
  readonly isSequential: boolean
}

/** A domain whose streams are tracked. */
export interface TrackedDomain extends CommonDomain {
  readonly kind: 'tracked'
  readonly rules: StreamRules
  /** Which numbers its events may bear. */
  readonly reading: NumberReading
  /** Its numbers begin again: those that come are of any turn. */
  readonly isWrapped: boolean
  readonly domainHeldMax: number
  readonly handedOverMax: number
  /** Who is asked for missing events, and how; absent: nobody. */
  readonly healer: Healer | undefined
  readonly healing: HealingPolicy | undefined
  /** The way to the field that names an event's producer; absent: none does. */
  readonly producer: readonly string[] | undefined
  readonly baseline:
    | ((
        stream: string,
        first: { readonly epoch: Epoch; readonly sequence: Sequence },
      ) => number | undefined | Promise<number | undefined>)
    | undefined
}

/** A domain without tracking. */
export interface UnorderedDomain extends CommonDomain {
  readonly kind: 'unordered'
  readonly numbering: Unordered
}

/** A domain. */
export type Domain = TrackedDomain | UnorderedDomain

/** The domains of a consumer, and which one a type belongs to. */
export interface Domains {
  readonly byName: ReadonlyMap<string, Domain>
  /** The domain whose `types` names the type; `undefined` when none does. */
  ofType(type: string): Domain | undefined
  /** The only domain, where there is just one. */
  readonly only: Domain | undefined
}

// What a handler is told, made once per event; its signal comes into being only when a handler asks for it.
import type { HandlerContext } from './domain-options.ts'

/** What a context is made of. */
export interface ContextFields {
  readonly consumer: string
  /** Makes the key: few handlers ask for it. */
  readonly keyOf: () => string
  readonly attempt: number
  readonly fence: number
  readonly transaction: unknown
  readonly redis: unknown
  readonly isRedrive: boolean
  readonly replay: HandlerContext['replay'] | undefined
  /** Fires on lost claim and shutdown. */
  readonly outer: AbortSignal
}

/** The context of one call of a handler. */
export class CallContext implements HandlerContext {
  readonly consumer: string
  readonly attempt: number
  readonly fence: number
  readonly transaction: unknown
  /** Declared only where the store runs commands in its commits. */
  declare readonly redis?: unknown
  readonly isRedrive: boolean
  /** Declared only where it says something: absent is its third value. */
  declare readonly replay?: 'rebuild' | 'redeliver'
  readonly #keyOf: () => string
  readonly #outer: AbortSignal
  #key: string | undefined
  #own: AbortController | undefined
  #signal: AbortSignal | undefined

  constructor(fields: ContextFields) {
    this.consumer = fields.consumer
    this.#keyOf = fields.keyOf
    this.attempt = fields.attempt
    this.fence = fields.fence
    this.transaction = fields.transaction
    this.isRedrive = fields.isRedrive
    if (fields.redis !== undefined) this.redis = fields.redis
    if (fields.replay !== undefined) this.replay = fields.replay
    this.#outer = fields.outer
  }

  get idempotencyKey(): string {
    return (this.#key ??= this.#keyOf())
  }

  get signal(): AbortSignal {
    this.#own ??= new AbortController()
    this.#signal ??= AbortSignal.any([this.#outer, this.#own.signal])
    return this.#signal
  }

  /** Fires the signal for this call alone. */
  abort(reason: unknown): void {
    this.#own ??= new AbortController()
    this.#own.abort(reason)
  }
}

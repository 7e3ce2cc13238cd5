// Calls a domain's handler, with its context and its timeout, and answers what to do when it fails. Upholds
// I2: the idempotency key is the same at every attempt.
import { InturnError } from '../core/errors.ts'
import type { InturnEvent } from '../core/event.ts'
import { canonicalJson, fingerprint } from '../core/fingerprint.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { encodePart, idempotencyKey, streamPath } from '../core/stream-path.ts'
import type { Failing } from '../core/stream-state.ts'
import { errorMessage, errorText, isInstance, keptStack } from '../core/thrown.ts'
import type { CommitCommands, Recorded, Recording } from '../ports/commit-commands.ts'
import type { UnitOfWork } from '../ports/store.ts'
import type { CallWatch } from '../ports/telemetry.ts'
import { backoffMs } from './backoff.ts'
import type { HandlerContext } from './domain-options.ts'
import type { Domain, FailurePolicy } from './domain.ts'
import type { EngineParts } from './engine-parts.ts'
import { handlerEvent } from './handler-event.ts'
import { watched } from './listening.ts'
import { PayloadRefused } from './payload-refused.ts'
import type { FailureAnswer } from './turn.ts'
import { shuttingDown, withinTime } from './within-time.ts'

/** Where a handler is called: the claim, and the transaction if there is one. */
export interface CallScene {
  readonly fence: number
  readonly transaction: unknown
  /** Fires on lost claim. */
  readonly signal: AbortSignal
  /** A dead letter is tried again, outside the order. */
  readonly isRedrive?: boolean
  /** Events are handled once more because an operator said so. */
  readonly replay?: 'redeliver'
  /** Another event has the number of this one by right: the idempotency key of this one names its id too. */
  readonly isRival?: boolean
  /** Absent where the store runs no commands in its commits. */
  readonly recording?: CallRecording
}

/** What handlers give for a commit is recorded, and counts once they have ended well. */
interface CallRecording {
  readonly commands: CommitCommands
  readonly stream: StreamPath
  readonly taker: RecordedTaker
}

/** Takes what a handler has given for the commit, which may be nothing, in one call for these events. */
export interface RecordedTaker {
  add(events: readonly InturnEvent[], recorded: Recorded): void
}

/** One event to hand to a handler. */
export interface Call {
  readonly domain: Domain
  readonly path: StreamPath
  readonly event: InturnEvent
  readonly attempt: number
}

/** Calls handlers. */
export class HandlerCaller {
  readonly #parts: EngineParts

  constructor(parts: EngineParts) {
    this.#parts = parts
  }

  /**
   * Calls `handle` for one event. Returns nothing where the handler returned at once.
   *
   * @throws InturnError `handler-timeout`, or `shutting-down` once the engine has ended; else what the
   * handler throws
   */
  call(call: Call, scene: CallScene): void | Promise<void> {
    const { domain, event } = call
    const { handle } = domain
    if (handle === undefined) return this.callBatch(domain, [event], scene)
    const watch = this.#parts.watchers?.isAny() === true ? this.#begin(call, [event], scene) : undefined
    if (watch !== undefined)
      return this.#timed(domain, () => watched(watch, () => this.#call(handle, call, scene)))
    const { handled, timers } = this.#parts
    if (handled === undefined) return this.#call(handle, call, scene)
    // What `#timed` does, without a function for each event.
    const beganMs = timers.elapsedMs()
    try {
      return this.#tellEnd(domain, beganMs, this.#call(handle, call, scene))
    } catch (error) {
      handled(domain.name, timers.elapsedMs() - beganMs, { error })
      throw error
    }
  }

  #call(handle: NonNullable<Domain['handle']>, call: Call, scene: CallScene): void | Promise<void> {
    const { domain, event } = call
    if (this.#parts.stop.aborted) throw shuttingDown()
    const { recording } = scene
    const context =
      recording === undefined
        ? new CallContext(this.#parts, scene, call)
        : new RecordingContext(this.#parts, scene, recording, call)
    const isPlain = domain.schemas === undefined && event.inexact === undefined
    let result: unknown
    try {
      result = handle(isPlain ? event : handlerEvent(domain, event), context)
    } catch (error) {
      context.end()
      throw lockedOut(error, context)
    }
    if (result !== undefined && isPromiseLike(result)) {
      return this.#within(domain, result, { context, scene, events: [event] })
    }
    if (recording !== undefined) recording.taker.add([event], context.end())
    return undefined
  }

  /** Calls `handleBatch` for several events; throws as {@link call} does. */
  callBatch(domain: Domain, events: readonly InturnEvent[], scene: CallScene): void | Promise<void> {
    const [first] = events
    const isWatched = first !== undefined && this.#parts.watchers?.isAny() === true
    const path = isWatched ? streamPath(first.domain, first.stream) : undefined
    const watch = path === undefined ? undefined : this.#begin({ domain, path, attempt: 1 }, events, scene)
    const run = (): void | Promise<void> => this.#callBatch(domain, events, scene)
    return this.#timed(domain, watch === undefined ? run : () => watched(watch, run))
  }

  /** Calls a handler, and tells how long it took. */
  #timed(domain: Domain, run: () => void | Promise<void>): void | Promise<void> {
    const { handled, timers } = this.#parts
    if (handled === undefined) return run()
    const beganMs = timers.elapsedMs()
    try {
      return this.#tellEnd(domain, beganMs, run())
    } catch (error) {
      handled(domain.name, timers.elapsedMs() - beganMs, { error })
      throw error
    }
  }

  /** Tells that a call has ended, or will once it has; gives what it gave. */
  #tellEnd({ name }: Domain, beganMs: number, result: void | Promise<void>): void | Promise<void> {
    const { handled, timers } = this.#parts
    if (result === undefined) handled?.(name, timers.elapsedMs() - beganMs, undefined)
    else
      result.then(
        () => handled?.(name, timers.elapsedMs() - beganMs, undefined),
        (error: unknown) => handled?.(name, timers.elapsedMs() - beganMs, { error }),
      )
    return result
  }

  /** Says that a handler is about to be called. */
  #begin(
    { domain, path: stream, attempt }: Omit<Call, 'event'>,
    events: readonly InturnEvent[],
    scene: CallScene,
  ): CallWatch | undefined {
    const { watchers, consumer } = this.#parts
    const isRedrive = scene.isRedrive === true
    const replay = scene.replay ?? this.#parts.replay
    return watchers?.begin({ consumer, domain: domain.name, stream, events, attempt, isRedrive, replay })
  }

  #callBatch(domain: Domain, events: readonly InturnEvent[], scene: CallScene): void | Promise<void> {
    const { consumer, stop } = this.#parts
    const { handleBatch } = domain
    if (stop.aborted) throw shuttingDown()
    const { recording } = scene
    const context =
      recording === undefined
        ? new CallContext(this.#parts, scene)
        : new RecordingContext(this.#parts, scene, recording)
    const { isRedrive, replay } = context
    const own = events.map((event) => handlerEvent(domain, event))
    const batchContext = {
      consumer,
      isRedrive,
      ...(replay !== undefined && { replay }),
      fence: scene.fence,
      transaction: scene.transaction,
      ...(recording !== undefined && { redis: context.commands }),
      get signal(): AbortSignal {
        return context.signal
      },
      idempotencyKeyOf: (given: InturnEvent): string => {
        const event = events[own.indexOf(given)] ?? given
        return keyOf(consumer, { domain, path: streamPath(event.domain, event.stream), event }, scene)
      },
    }
    let result: unknown
    try {
      result = handleBatch?.(own, batchContext)
    } catch (error) {
      context.end()
      throw lockedOut(error, context)
    }
    if (isPromiseLike(result)) return this.#within(domain, result, { context, scene, events })
    if (recording !== undefined) recording.taker.add(events, context.end())
    return undefined
  }

  /**
   * After a handler has failed: throws if that was not the handler's doing, but the end of the engine, or a
   * failure of the store in which the handler writes. Then the attempt does not count. The store itself says
   * which it was: an error of another store, which looks the same, is the handler's.
   */
  throwUnlessHandlers({ transaction }: Pick<UnitOfWork, 'transaction'>): void {
    if (this.#parts.stop.aborted) throw shuttingDown()
    if (transaction?.ended?.fault !== undefined) throw transaction.ended.fault
  }

  /** Waits for what a handler has begun, and takes what it gave. */
  async #within(
    { timeoutMs: ms, name }: Domain,
    work: PromiseLike<unknown>,
    call: {
      readonly context: CallContext
      readonly scene: CallScene
      readonly events: readonly InturnEvent[]
    },
  ): Promise<void> {
    const { context, scene, events } = call
    const late = (): Error =>
      new InturnError('handler-timeout', `the handler of ${name} took longer than ${ms} ms`)
    try {
      await withinTime(this.#parts, work, { ms, late })
    } catch (error) {
      context.end()
      context.abort(error)
      throw lockedOut(error, context)
    }
    scene.recording?.taker.add(events, context.end())
  }
}

const nothing: Recorded = { commands: [], bytes: 0 }

/** The context of one call of a handler; its key and its signal are made only when it asks for them. */
class CallContext implements HandlerContext {
  readonly consumer: string
  readonly attempt: number
  readonly fence: number
  readonly transaction: unknown
  readonly isRedrive: boolean
  /** Declared only where it says something: absent is its third value. */
  declare readonly replay?: 'rebuild' | 'redeliver'
  readonly #scene: CallScene
  readonly #call: Call | undefined
  #own: AbortController | undefined
  #signal: AbortSignal | undefined

  /** `call`: absent for several events at once, which have a key each. */
  constructor(parts: ContextParts, scene: CallScene, call?: Call) {
    const { replay = parts.replay } = scene
    this.consumer = parts.consumer
    this.attempt = call === undefined ? 1 : call.attempt
    this.fence = scene.fence
    this.transaction = scene.transaction
    this.isRedrive = scene.isRedrive === true
    this.#scene = scene
    this.#call = call
    if (replay !== undefined) this.replay = replay
  }

  /** What the handler records with, where the store runs commands in its commits. */
  get commands(): unknown {
    return undefined
  }

  get idempotencyKey(): string {
    return this.#call === undefined ? '' : keyOf(this.consumer, this.#call, this.#scene)
  }

  get signal(): AbortSignal {
    this.#own ??= new AbortController()
    this.#signal ??= AbortSignal.any([this.#scene.signal, this.#own.signal])
    return this.#signal
  }

  /** The call is over: gives what the handler recorded. Whoever records after that is refused. */
  end(): Recorded {
    return nothing
  }

  /** Fires the signal for this call alone. */
  abort(reason: unknown): void {
    this.#own ??= new AbortController()
    this.#own.abort(reason)
  }
}

/**
 * The context of a call where the store runs commands in its commits. Most handlers give none, and nothing is
 * begun for them.
 */
class RecordingContext extends CallContext {
  readonly #from: CallRecording
  #recording: Recording | undefined
  #isOver = false

  constructor(parts: ContextParts, scene: CallScene, from: CallRecording, call?: Call) {
    super(parts, scene, call)
    this.#from = from
  }

  override get commands(): unknown {
    const { commands, stream } = this.#from
    this.#recording ??= commands.record(stream)
    if (this.#isOver) this.#recording.end()
    return this.#recording.commands
  }

  get redis(): unknown {
    return this.commands
  }

  override end(): Recorded {
    this.#isOver = true
    return this.#recording === undefined ? nothing : this.#recording.end()
  }
}

type ContextParts = Pick<EngineParts, 'consumer' | 'replay'>

function keyOf(
  consumer: string,
  { domain, path, event }: Omit<Call, 'attempt'>,
  { isRival }: CallScene,
): string {
  const key = idempotencyKey(consumer, path, placeOf(domain, event))
  return isRival === true ? `${key}/${encodePart(event.id ?? digest(event.data))}` : key
}

/**
 * What a handler is told that opened a connection of its own to the file of which the transaction has the
 * lock: that waits for its own end. Any other error stays as it is.
 */
function lockedOut(error: unknown, { transaction }: Pick<CallContext, 'transaction'>): unknown {
  if (transaction === undefined || !errorMessage(error).includes('database is locked')) return error
  const how = 'if that is the file of the store, write to it through context.transaction'
  return new InturnError('handler-failed', `database is locked: ${how}`, { retryable: true, cause: error })
}

/** Whether the handler was given up on, and may still run. */
export function mayStillRun(error: unknown): boolean {
  return error instanceof InturnError && error.code === 'handler-timeout'
}

/** What to do about a failed attempt, by the domain's policy. */
export function answerFailure(
  policy: FailurePolicy,
  failed: {
    readonly event: InturnEvent
    readonly attempt: number
    readonly error: unknown
    readonly firstAt: number | undefined
    readonly now: number
  },
  random: number,
): FailureAnswer {
  const { event, attempt, error, now } = failed
  const failing: Failing = {
    epoch: event.epoch,
    sequence: event.sequence ?? 0,
    attempts: attempt,
    firstAt: failed.firstAt ?? now,
    error: errorText(error),
    ...keptStack(error),
  }
  if (isInstance(error, PayloadRefused)) {
    const answer = { then: policy.then, reason: 'schema', cause: 'schema' } as const
    return { ...answer, failing: { ...failing, attempts: attempt - 1 } }
  }
  if (attempt >= policy.attempts || !policy.retryable(error)) {
    return { failing, then: policy.then, reason: 'failed' }
  }
  return {
    failing: { ...failing, retryAt: now + backoffMs(policy, attempt, random) },
    then: 'retry',
    reason: 'failed',
  }
}

/**
 * What tells an event from all others of its stream: its number, or without tracking its id or its content.
 */
function placeOf(
  domain: Domain,
  { epoch, sequence, id, data }: InturnEvent,
): { readonly epoch: number; readonly sequence: number | bigint | string } {
  if (domain.kind === 'tracked') return { epoch, sequence: sequence ?? '' }
  return { epoch, sequence: id ?? sequence ?? digest(data) }
}

/** 64 bits of the content. */
function digest(data: unknown): string {
  const text = canonicalJson(data)
  const halves = [fingerprint(text), fingerprint(`${text.length}:${text}`)]
  return `~${halves.map((half) => half.toString(16).padStart(8, '0')).join('')}`
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

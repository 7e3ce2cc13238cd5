// How a handler is tried under a unit of work, whatever asks for it: turns, redelivery, redrives, events
// without tracking. It ends well, or fails (what it wrote is undone, and the rest of the unit stands), or the
// whole transaction is undone with it and runs again, knowing what failed. Upholds I2.
import { InturnError } from '../core/errors.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { UnitOfWork } from '../ports/store.ts'
import { wonStream } from '../ports/store.ts'
import { checkPayload } from './check-payload.ts'
import type { Call, CallScene, HandlerCaller, RecordedTaker } from './delivery.ts'
import { mayStillRun } from './delivery.ts'
import type { EngineParts } from './engine-parts.ts'

/** What a handler failed with. */
export interface HandlerFailure {
  readonly error: unknown
}

/** A handler failed in a transaction that can no longer be used, or was not prepared for it. */
export class Undone extends Error {
  /** The attempt that failed; `undefined` where nobody knows which it was. */
  readonly place: unknown
  readonly failure: unknown

  constructor(place: unknown, failure: unknown) {
    super('a transaction is undone because a handler failed')
    this.place = place
    this.failure = failure
  }
}

/** What earlier runs of a transaction have shown. */
export interface Findings {
  /** By attempt: how the handler failed there. Another worker may have made the attempt meanwhile. */
  readonly failures: ReadonlyMap<unknown, unknown>
  /** It was undone before: each handler runs behind a savepoint. */
  readonly hasSavepoints: boolean
  /** The store has refused its commit, for what a handler wrote. */
  readonly wasRefused: boolean
}

/** Runs a transaction; again for as long as it is undone in new places. */
export async function untilDone<Result>(run: (findings: Findings) => Promise<Result>): Promise<Result> {
  const failures = new Map<unknown, unknown>()
  let wasRefused = false
  for (let hasSavepoints = false; ; hasSavepoints = true) {
    try {
      return await run({ failures, hasSavepoints, wasRefused })
    } catch (error) {
      // A handler hid the error of a statement, or broke what is checked with the commit: each is looked at.
      if (!wasRefused && isHandlers(error)) {
        wasRefused = true
        continue
      }
      if (!(error instanceof Undone)) throw error
      if (error.place !== undefined) failures.set(error.place, error.failure)
      else if (hasSavepoints) throw error.failure
    }
  }
}

/** Whether a store says that it was a handler that has undone the transaction. */
export function isHandlers(error: unknown): boolean {
  return error instanceof InturnError && error.code === 'handler-failed'
}

/**
 * Makes an attempt, behind a savepoint where there is a transaction, and gives what the handler failed with,
 * if it did.
 *
 * @throws Undone where the transaction cannot go on without it; what is no doing of the handler
 */
export async function tryApart(
  caller: HandlerCaller,
  unit: UnitOfWork,
  { place, run }: { readonly place: unknown; readonly run: () => void | Promise<void> },
): Promise<HandlerFailure | undefined> {
  let failed: HandlerFailure | undefined
  const call = async (): Promise<void> => {
    try {
      await run()
    } catch (error) {
      failed = { error }
      throw error
    }
  }
  try {
    await (unit.transaction === undefined ? call() : unit.transaction.savepoint(call))
  } catch (error) {
    // What the savepoint itself fails with is no failure of the handler, unless the store says so.
    if (failed === undefined && isHandlers(error)) failed = { error }
    if (failed?.error !== error) throw error
  }
  failed ??= rolledBackIn(unit)
  if (failed === undefined) return undefined
  caller.throwUnlessHandlers(unit)
  const { transaction } = unit
  if (transaction !== undefined && (transaction.ended !== undefined || mayStillRun(failed.error)))
    throw new Undone(place, failed.error)
  return failed
}

/**
 * Where handlers are called: for a stream that was won, with its fence. `taker`: takes what they give for the
 * commit, where the store runs commands there.
 */
export function sceneOf(unit: UnitOfWork, path?: StreamPath, taker?: RecordedTaker): CallScene {
  const { transaction, signal, commands } = unit
  const scene = { transaction: transaction?.forHandlers, signal }
  if (path === undefined) return { ...scene, fence: 0 }
  const { fence } = wonStream(unit, path)
  if (commands === undefined || taker === undefined) return { ...scene, fence }
  return { ...scene, fence, recording: { commands, stream: path, taker } }
}

/**
 * What a handler's statement has done to the whole transaction, if it has.
 *
 * @throws InturnError what the store itself has failed with
 */
export function rolledBackIn({ transaction }: UnitOfWork): HandlerFailure | undefined {
  if (transaction?.ended === undefined) return undefined
  if (transaction.ended.fault !== undefined) throw transaction.ended.fault
  const message = 'a statement of a handler has rolled back the whole transaction'
  return { error: new InturnError('handler-failed', message) }
}

/**
 * Checks what an event carries, asks the filter of its domain, and calls the handler; says whether it was
 * called.
 */
export async function checkAndCall(
  parts: EngineParts,
  caller: HandlerCaller,
  call: Call,
  scene: CallScene,
): Promise<boolean> {
  const { domain, event } = call
  await checkPayload(parts, domain, event)
  if (domain.filter !== undefined && !domain.filter(event)) return false
  await caller.call(call, scene)
  return true
}

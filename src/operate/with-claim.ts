// Gets an operator the claim of a stream while workers run: as long as a worker has it, tries again for a
// time.
// Upholds I5: an operator advances a stream only as a worker does, under its claim.
import { InturnError } from '../core/errors.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { UnitOfWork } from '../ports/store.ts'
import { systemTimers } from '../ports/timers.ts'
import type { OperatorTarget } from './operator-options.ts'
import { operatorWaitMs } from './operator-options.ts'

/** Whose claim of what. */
export interface ClaimRequest {
  readonly stream: StreamPath
  readonly by: string
  /** How long to try, in milliseconds. Default 10,000. */
  readonly waitMs?: number
}

const claimMs = 30_000
const firstPauseMs = 10
const longestPauseMs = 250

/** What a body returns whose commit was refused because its claim was lost: it runs again. */
export const claimLost: unique symbol = Symbol('the claim was lost before the commit')

/**
 * Runs a body with the claim of a stream, and releases it.
 *
 * @throws InturnError `stream-busy` when a worker had the stream for all of `waitMs`
 */
export async function withClaim<Result>(
  target: OperatorTarget,
  request: ClaimRequest,
  body: (unit: UnitOfWork) => Promise<Result | typeof claimLost>,
): Promise<Result> {
  const { timers = systemTimers } = target
  const { waitMs = operatorWaitMs } = request
  const until = timers.elapsedMs() + waitMs
  let pauseMs = firstPauseMs
  for (;;) {
    const come = await tryClaim(target, request, body)
    if (come.kind === 'done') return come.value
    if (timers.elapsedMs() >= until) throw come.why ?? (await busyError(target, request, waitMs))
    await timers.sleep(pauseMs)
    pauseMs = Math.min(pauseMs * 2, longestPauseMs)
  }
}

/** A name for an operator among the consumer's workers. */
export function operatorWorker(by: string): string {
  return `operator ${by} ${crypto.randomUUID().slice(0, 8)}`
}

async function tryClaim<Result>(
  { store, consumer }: OperatorTarget,
  { stream, by }: ClaimRequest,
  body: (unit: UnitOfWork) => Promise<Result | typeof claimLost>,
): Promise<{ kind: 'done'; value: Result } | { kind: 'busy'; why?: InturnError }> {
  const request = { consumer, worker: operatorWorker(by), streams: [stream], mode: 'claim', claimMs } as const
  try {
    const { value } = await store.work(request, async (unit) => {
      return unit.streams.has(stream) ? body(unit) : claimLost
    })
    return value === claimLost ? { kind: 'busy' } : { kind: 'done', value }
  } catch (error) {
    // Another process has the whole store for longer than the store itself waits.
    const isLocked = error instanceof InturnError && error.code === 'store-unavailable' && error.retryable
    if (isLocked) return { kind: 'busy', why: error }
    throw error
  }
}

async function busyError(
  { store, consumer }: OperatorTarget,
  { stream }: ClaimRequest,
  waitMs: number,
): Promise<InturnError> {
  const holder = (await store.reader.stream(consumer, stream))?.claimedBy
  const who = holder === undefined ? 'a worker' : `the worker ${holder}`
  const message = `${stream} is busy: ${who} had it for all of ${waitMs} ms; nothing was changed`
  return new InturnError('stream-busy', message, { retryable: true })
}

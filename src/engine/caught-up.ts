// Waits until a stream stands at or above a number: whoever has just appended an event can read its effect
// then. Asks the store, which also knows what other workers did, with growing waits.
import type { Duration } from '../core/duration.ts'
import { InturnError } from '../core/errors.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { streamPath } from '../core/stream-path.ts'
import type { StreamState } from '../core/stream-state.ts'
import { waitMs } from './check-options.ts'
import type { EngineParts } from './engine-parts.ts'

/** What to wait for. */
export interface CaughtUpRequest {
  /** May be left out where there is only one. */
  readonly domain?: string
  /** The stream's key. */
  readonly stream: string
  /** Unwrapped, where the domain has a modulus. */
  readonly sequence: Sequence
  /** Default 0: a newer epoch counts as further on. */
  readonly epoch?: Epoch
  /** How long to wait at most. Default 10 s. */
  readonly timeout?: Duration
}

const firstPauseMs = 5
const longestPauseMs = 500

/** Waits for positions. */
export class PositionWaits {
  readonly #parts: EngineParts
  /** Made for whoever waits. */
  #news: AbortController | undefined

  constructor(parts: EngineParts) {
    this.#parts = parts
  }

  /** Something was processed here: whoever waits looks at once. */
  wake(): void {
    this.#news?.abort('news')
    this.#news = undefined
  }

  /**
   * Resolves once the stream's position is there.
   *
   * @throws InturnError `caught-up-timeout`, `usage`, `shutting-down`
   */
  async wait(request: CaughtUpRequest): Promise<void> {
    const { timers, stop, store, consumer } = this.#parts
    const path = this.#pathOf(request)
    const timeoutMs = waitMs(request.timeout, { name: 'timeout', fallback: '10s' })
    const untilMs = timers.elapsedMs() + timeoutMs
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      // Taken before the store is asked, so that what comes to pass meanwhile is not slept over.
      this.#news ??= new AbortController()
      const { signal } = this.#news
      if (stop.aborted) {
        throw new InturnError('shutting-down', 'it was stopped before the stream had come that far', {
          retryable: true,
        })
      }
      const state = (await store.reader.stream(consumer, path))?.state
      if (state !== undefined && isThere(state, request)) return
      const leftMs = untilMs - timers.elapsedMs()
      if (leftMs <= 0) throw tooLate(path, request, { state, timeoutMs })
      await timers.sleep(Math.min(pauseMs, leftMs), AbortSignal.any([signal, stop]))
    }
  }

  #pathOf({ domain, stream, sequence }: CaughtUpRequest): StreamPath {
    const { domains } = this.#parts
    const found = domain === undefined ? domains.only : domains.byName.get(domain)
    if (found === undefined) throw new InturnError('usage', 'caughtUp takes the name of a domain')
    if (found.kind === 'unordered') {
      throw new InturnError('usage', `${found.name} is not tracked: its streams have no position to wait for`)
    }
    if (typeof stream !== 'string' || !(typeof sequence === 'bigint' || Number.isSafeInteger(sequence))) {
      throw new InturnError('usage', 'caughtUp takes a stream and a sequence')
    }
    return streamPath(found.name, stream)
  }
}

function isThere({ epoch, position }: StreamState, wanted: CaughtUpRequest): boolean {
  if (position === undefined) return false
  const wantedEpoch = wanted.epoch ?? 0
  return epoch > wantedEpoch || (epoch === wantedEpoch && position >= wanted.sequence)
}

function tooLate(
  path: StreamPath,
  { sequence }: CaughtUpRequest,
  { state, timeoutMs }: { readonly state: StreamState | undefined; readonly timeoutMs: number },
): InturnError {
  const stands = state?.position === undefined ? 'unknown' : String(state.position)
  const what = `${path} has not reached ${String(sequence)} within ${timeoutMs} ms`
  const message = `${what}; its position is ${stands}`
  return new InturnError('caught-up-timeout', message, { retryable: true })
}

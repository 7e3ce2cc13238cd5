// Hands the history of a stream over, chunk by chunk, as if another worker had received it; the worker that
// has the stream decides it in order. Upholds I7: it waits while the domain's inboxes are near
// their limit. What it leaves undone is a gap that the domain's healer closes.
import type { TrackedEvent } from '../core/event.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import { errorMessage } from '../core/thrown.ts'
import type { InboxEntry } from '../ports/records.ts'
import type { PastRange, StreamHistory } from '../ports/stream-history.ts'
import { systemTimers } from '../ports/timers.ts'
import type { OperatorTarget } from './operator-options.ts'
import { operatorWaitMs } from './operator-options.ts'

/** How far a history was handed over. */
export interface HistoryProgress {
  /** Events handed over. */
  readonly handedOver: number
  /** Up to which number the history was read; the whole range if it is its last one. */
  readonly readTo: number
  readonly isComplete: boolean
  /** Why it is not complete. */
  readonly why?: string
}

/** What is handed over. */
export interface HistoryToHandOver {
  readonly history: StreamHistory
  readonly range: Omit<PastRange, 'limit'>
  /** An operator's halt stays on the stream: its events could only be held. */
  readonly isHalted: boolean
}

const chunk = 500
const defaultLimit = 10_000
const pauseMs = 50

/** Hands a range of a stream's history over. What stops it is told in the outcome; nothing is lost by it. */
export async function handHistoryOver(
  target: OperatorTarget,
  how: { readonly waitMs?: number; readonly onProgress?: (progress: HistoryProgress) => void },
  { history, range, isHalted }: HistoryToHandOver,
): Promise<HistoryProgress> {
  const { store, consumer } = target
  const { stream } = range
  const [first, last] = [Number(range.from), Number(range.to)]
  let handedOver = 0
  let readTo = first - 1
  const stopped = (why: string): HistoryProgress => ({ handedOver, readTo, isComplete: false, why })
  if (isHalted) return stopped('the stream is halted: its history is a gap until it is healed')
  try {
    for (let from = first; from <= last; from = readTo + 1) {
      const to = Math.min(last, from + chunk - 1)
      const events = await history.read({ ...range, from, to, limit: chunk })
      const hindrance = await roomFor(target, { stream, events: events.length, waitMs: how.waitMs })
      if (hindrance !== undefined) return stopped(hindrance)
      if (events.length > 0) {
        await store.handOver(
          consumer,
          events.map((event) => entryOf(stream, event)),
        )
      }
      handedOver += events.length
      readTo = to
      how.onProgress?.({ handedOver, readTo, isComplete: readTo === last })
    }
  } catch (error) {
    return stopped(errorMessage(error))
  }
  return { handedOver, readTo, isComplete: true }
}

/** Whoever has read the past of a counter that wraps knows its turns. */
function entryOf(stream: StreamPath, event: TrackedEvent): InboxEntry {
  const { sequence, wireSequence } = event
  return { stream, arrival: event, ...(wireSequence !== undefined && { known: sequence }) }
}

/** Waits until the domain has room; says why it does not wait any longer. */
async function roomFor(
  { store, consumer, domains, timers = systemTimers }: OperatorTarget,
  of: { readonly stream: StreamPath; readonly events: number; readonly waitMs: number | undefined },
): Promise<string | undefined> {
  const { stream, events, waitMs = operatorWaitMs } = of
  const domain = parseStreamPath(stream)?.domain ?? ''
  const limit = domains.get(domain)?.handedOverMax ?? defaultLimit
  let least = Infinity
  let until = timers.elapsedMs() + waitMs
  for (;;) {
    const status = (await store.reader.domains(consumer)).get(domain)
    if (status?.paused === true)
      return `the domain ${domain} is paused: the rest of the history is a gap until it is healed`
    const waiting = status?.handedOver ?? 0
    if (waiting === 0 || waiting + events <= limit) return undefined
    if (waiting < least) until = timers.elapsedMs() + waitMs
    least = Math.min(least, waiting)
    if (timers.elapsedMs() >= until) {
      const rest = 'the rest of the history is a gap until it is healed'
      return `no worker takes the ${waiting} events that are handed over: ${rest}`
    }
    await timers.sleep(pauseMs)
  }
}

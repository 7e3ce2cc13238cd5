// The virtual clock of a replay: the running maximum of the arrival times in the log. Upholds I8: it never
// goes backwards, and time that the log does not tell of does not pass.
import type { Clock } from '../core/stream-state.ts'

const numberText = /^[+-]?\d+(?:\.\d+)?$/
const isoText = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?<zone>Z|[+-]\d{2}:?\d{2})?)?$/i

/** The time of a replay, which arrivals move. */
export class TraceClock {
  /** Milliseconds since 1970; `undefined` until an arrival tells the time. */
  now: number | undefined
  #origin = 0

  /** Moves the clock to an arrival, if that can be read and lies ahead. */
  moveTo(arrival: number | string | undefined): void {
    const time = arrival === undefined ? undefined : arrivalMs(arrival)
    if (time === undefined) return
    if (this.now === undefined) this.#origin = time
    if (this.now === undefined || time > this.now) this.now = time
  }

  /** Milliseconds since the first arrival that told the time; what came before it counts from there. */
  get readingMs(): number {
    return this.now === undefined ? 0 : this.now - this.#origin
  }

  /** The time at which the clock read so many milliseconds. */
  timeAt(readingMs: number): number {
    return this.#origin + readingMs
  }

  /** The clock as the rules take it. */
  reading(): Clock {
    return { now: this.now ?? 0, readingMs: this.readingMs }
  }
}

/**
 * Milliseconds since 1970 of an arrival: a number, its digits, or ISO 8601 text, which is UTC if it does not
 * say.
 */
export function arrivalMs(arrival: number | string): number | undefined {
  const ms = typeof arrival === 'number' ? arrival : parse(arrival.trim())
  return Number.isFinite(ms) ? ms : undefined
}

function parse(text: string): number {
  if (numberText.test(text)) return Number(text)
  const iso = isoText.exec(text)
  if (iso === null) return Number.NaN
  const hasTime = text.length > 10
  return Date.parse(hasTime && iso.groups?.['zone'] === undefined ? `${text}Z` : text)
}

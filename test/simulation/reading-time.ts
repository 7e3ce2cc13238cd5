// How long a consumer's source has been read, measured at the source and not by the system under test: the
// most that an honest reading clock can show. A break of up to five seconds counts, as the store's clock
// counts it. For I8.

const breakMsMax = 5_000

/** Measures the reading of one consumer's source. */
export class ReadingTime {
  readonly #nowMs: () => number
  #underWay = 0
  #markMs: number
  #countsUntilMs = -Infinity
  #totalMs = 0

  /** `nowMs` is the store's clock. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
    this.#markMs = nowMs()
  }

  /** How long the source had been read until now. */
  get totalMs(): number {
    this.#count()
    return this.#totalMs
  }

  /** A read has begun. */
  begin(): void {
    this.#count()
    this.#underWay++
  }

  /** A read has ended, or its worker has died. */
  end(): void {
    this.#count()
    this.#underWay--
    this.#countsUntilMs = this.#nowMs() + breakMsMax
  }

  /** The store's clock is about to jump: a jump over the longest break counts for nothing. */
  beforeJump(ms: number): void {
    this.#count()
    if (ms <= breakMsMax) return
    this.#markMs += ms
    this.#countsUntilMs += ms
  }

  #count(): void {
    const now = this.#nowMs()
    const until = this.#underWay > 0 ? now : Math.min(now, this.#countsUntilMs)
    if (until > this.#markMs) this.#totalMs += until - this.#markMs
    this.#markMs = Math.max(this.#markMs, now)
  }
}

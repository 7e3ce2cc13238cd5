// The columns of what a bench inserts for a whole batch, for `unnest`.

/** What a bench knows of an event. */
interface BenchEvent {
  readonly stream: string
  readonly sequence?: number | bigint
  readonly data: unknown
}

/** Streams, numbers and amounts. */
export function columnsOf(events: readonly BenchEvent[]): unknown[] {
  return [
    events.map(({ stream }) => stream),
    events.map(({ sequence }) => Number(sequence)),
    events.map(({ data }) => amountIn(data)),
  ]
}

/** The amount that an event bears; 0 without one. */
export function amountIn(data: unknown): number {
  return typeof data === 'object' && data !== null && 'amount' in data ? Number(data.amount) : 0
}

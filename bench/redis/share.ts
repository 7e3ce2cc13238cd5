// One process's share of a bench, and the events in it: the same for every contender.

/** What one process works off. */
export interface Share {
  readonly url: string
  /** Events of all processes. */
  readonly events: number
  readonly streams: number
  readonly batch: number
  /** Which process of how many: each has streams of its own, as a partitioned log would deal them out. */
  readonly part: number
  readonly parts: number
}

/** An event of the bench. */
export interface BenchEvent {
  readonly stream: string
  readonly sequence: number
  readonly id: string
  readonly data: { readonly amount: number }
}

/** What a process does once it is told to begin; `done` counts the events that are finished. */
export type Work = (done: (events: number) => void) => Promise<void>

/** The events of a share, in turn. */
export function eventsOf({ events, streams, part, parts }: Share): readonly BenchEvent[] {
  const all = Array.from({ length: events }, (_, index) => index)
  return all
    .filter((index) => (index % streams) % parts === part)
    .map((index) => ({
      stream: `account-${index % streams}`,
      sequence: Math.floor(index / streams) + 1,
      id: `event-${index}`,
      data: { amount: index },
    }))
}

/** The same as a transport brings them. */
export function messagesOf(share: Share): readonly string[] {
  return eventsOf(share).map((event) => JSON.stringify(event))
}

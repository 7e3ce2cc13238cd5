// The state of consumers as a whole: what waits, what failed, and whether a worker is there.
import type { StoreReader } from '../ports/store-reader.ts'

/** A domain of a consumer, in figures. */
export interface DomainFigures {
  readonly domain: string
  readonly held: number
  readonly handedOver: number
  readonly paused: boolean
}

/** A consumer, in figures. */
export interface ConsumerFigures {
  readonly consumer: string
  readonly streams: number
  readonly deliveries: number
  readonly held: number
  readonly handedOver: number
  readonly deadLetters: number
  readonly ledger: number
  readonly halted: number
  readonly failing: number
  /** The store's clock, in milliseconds since 1970. */
  readonly now: number
  /** How long workers of the consumer have been reading, in milliseconds. */
  readonly readingMs: number
  /** When a worker last said that it was reading; absent: never. */
  readonly lastBeatAt?: number
  /** Whether a worker has said so within {@link beatSilenceMs}. */
  readonly isReading: boolean
  readonly domains: readonly DomainFigures[]
}

/** A worker that has been silent for longer than this is not reading; its clock of patience stands still. */
export const beatSilenceMs = 5_000

/** The figures of a consumer. */
export async function readStatus(reader: StoreReader, consumer: string): Promise<ConsumerFigures> {
  const { clock, domains, lastBeatAt, ...figures } = await reader.summary(consumer)
  return {
    ...figures,
    now: clock.now,
    readingMs: clock.readingMs,
    ...(lastBeatAt !== undefined && { lastBeatAt }),
    isReading: lastBeatAt !== undefined && clock.now - lastBeatAt <= beatSilenceMs,
    domains: [...domains]
      .map(([domain, status]) => ({ domain, ...status }))
      .sort((a, b) => (a.domain < b.domain ? -1 : 1)),
  }
}

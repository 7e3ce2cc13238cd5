// What the sink suite needs of a sink under test: a place to send to, sinks opened over it one after another,
// as after restarts, and a look at what has arrived there.
import type { Sink, SinkMessage } from '../../ports/sink.ts'

/** What the place of a sink can do beyond the port. */
export interface SinkFaults {
  /**
   * Makes the next send fail, wherever in its list, also where the process would die in it; the sends behind
   * it work.
   */
  failNextSend(): void | Promise<void>
}

/** A sink under test. */
export interface SinkWorld {
  /** A new sink over the same place; the one before has been closed, unless its process has died. */
  sink(): Sink
  /** The messages that have arrived, as text, those of one stream in the order in which a reader has them. */
  arrived(): Promise<readonly string[]>
  /** Absent: nothing can be made to fail here; the text says why. */
  readonly faults: SinkFaults | string
  /** Releases everything that the world holds. */
  dispose(): Promise<void>
}

/** One law of sinks. */
export interface SinkCase {
  /** The law, as a sentence. */
  readonly name: string
  readonly needs?: 'faults'
  /** Rejects where the law is broken. Gets a world of its own. */
  readonly run: (world: SinkWorld) => Promise<void>
}

/** Why a case says nothing about this sink; `undefined` where it has to hold. */
export function whySinkSkipped(law: SinkCase, { faults }: SinkWorld): string | undefined {
  return law.needs === 'faults' && typeof faults === 'string' ? faults : undefined
}

/** A signal that nobody fires. */
export function patient(): { readonly signal: AbortSignal } {
  return { signal: new AbortController().signal }
}

/** The message with a number in a stream. */
export function sample(stream: string, sequence: number, data: unknown = {}): SinkMessage {
  const id = `${stream}-${sequence}`
  const event = { domain: 'account', stream, sequence, id, type: 'account.booked', data }
  const { domain, type } = event
  return { domain, stream, sequence, id, type, partitionKey: stream, json: JSON.stringify(event) }
}

/** Messages `from..to` of a stream. */
export function samples(stream: string, from: number, to: number): readonly SinkMessage[] {
  return Array.from({ length: to - from + 1 }, (_, index) => sample(stream, from + index))
}

/** The numbers of a stream among what has arrived, in order. */
export async function numbersIn(world: SinkWorld, stream: string): Promise<readonly number[]> {
  const arrived = await world.arrived()
  return arrived.flatMap((text) => {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) throw new Error(`this is no message: ${text}`)
    return Reflect.get(value, 'stream') === stream ? [Number(Reflect.get(value, 'sequence'))] : []
  })
}

/** Each number where it first stands. */
export function firstCopies(numbers: readonly number[]): readonly number[] {
  return [...new Set(numbers)]
}

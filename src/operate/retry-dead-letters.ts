// Has dead letters tried again, by way of the inbox. For those that were taken out of a place in their stream
// the workers call the handler once, outside the order. Those that never had a place are read again, and
// their stream decides them, in order. Upholds I3: a letter is there until the commit in which what comes
// after it is durable; and whoever asked is in the ledger, also where somebody else was quicker.
import { InturnError } from '../core/errors.ts'
import type { InturnEvent } from '../core/event.ts'
import type { Sequence } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { LetterReader } from '../ports/letter-reader.ts'
import type { DeadLetter, DeadLetterReason, InboxEntry } from '../ports/records.ts'
import { systemTimers } from '../ports/timers.ts'
import type { Admission } from './admit-letter.ts'
import { admitLetter, redriveEntry } from './admit-letter.ts'
import type { DeadLetterSelection, RefusedLetter } from './dead-letter-selection.ts'
import { eachSelected, refusedNamedMax } from './dead-letter-selection.ts'
import type { Operator, OperatorTarget } from './operator-options.ts'
import { checkOperator, operatorWaitMs } from './operator-options.ts'
import { eachInboxEntry } from './paging.ts'

/** Which dead letters to try again, by whom, and why. */
export interface RetryLetters extends DeadLetterSelection, Operator {
  /** Reads those that never got into a stream; without it they are refused. */
  readonly read?: LetterReader
  /**
   * With `key`: which number the event bears, without wrapping. For one that never got into its stream, whose
   * counter wraps and has gone on so far that its number may be of several turns.
   */
  readonly sequence?: Sequence
  /** How long to wait for a busy stream, or for room in the inboxes. Default 10,000 ms. */
  readonly waitMs?: number
}

/** What became of them. */
export interface RetriedLetters {
  /** Handed over: the workers try each once, as soon as their domain is not paused. */
  readonly handedOver: number
  /** Read again, and in the inboxes of their streams. */
  readonly admitted: number
  /** Handed over before, and still waiting. */
  readonly waiting: number
  /** Gone meanwhile: somebody else was quicker. */
  readonly gone: number
  /** Left as they are. */
  readonly refused: number
  /** The first 100 of the refused ones. */
  readonly refusals: readonly RefusedLetter[]
}

/** Reasons of dead letters that never had a place in a stream. */
export const withoutPlace: ReadonlySet<DeadLetterReason> = new Set(['invalid', 'implausible', 'too-large'])

/** Whether the rules gave a dead letter its number: else it bears the one on the wire. */
export function isDecided(reason: DeadLetterReason): boolean {
  return !withoutPlace.has(reason)
}

/** One that is to be handed over, unless it waits already. */
interface AskedLetter extends Required<Omit<InboxEntry, 'known' | 'logPlace'>> {
  readonly letter: DeadLetter
  readonly isWaiting: boolean
}

/** Room in the inboxes of a domain of which nothing is known. */
const defaultRoom = 10_000
const chunkMax = 100
const roomPauseMs = 100
const noRoom = 'too many events of its domain wait in their inboxes; try again later'

/**
 * Has dead letters tried again. No handler runs here: a worker of the consumer has to.
 *
 * @throws InturnError `usage` without a name, a reason or a selection; `operation-refused` for an unknown key
 */
export async function retryDeadLetters(
  target: OperatorTarget,
  request: RetryLetters,
): Promise<RetriedLetters> {
  checkOperator(request)
  if (request.sequence !== undefined && request.key === undefined) {
    throw new InturnError('usage', 'a number goes with one dead letter: name that by its key (--key)')
  }
  const retrying = new Retrying(target, request)
  const { reader } = target.store
  for await (const letter of eachSelected({ reader, consumer: target.consumer }, request)) {
    await retrying.take(letter)
  }
  return retrying.end()
}

class Retrying {
  readonly #target: OperatorTarget
  readonly #request: RetryLetters
  readonly #counts = { handedOver: 0, admitted: 0, waiting: 0, gone: 0, refused: 0 }
  readonly #refusals: RefusedLetter[] = []
  #chunk: AskedLetter[] = []
  #waitingKeys: ReadonlySet<string> | undefined
  #hasRoom = true

  constructor(target: OperatorTarget, request: RetryLetters) {
    this.#target = target
    this.#request = request
  }

  async take(letter: DeadLetter): Promise<void> {
    if (withoutPlace.has(letter.reason)) await this.#readAgain(letter)
    else if (this.#request.sequence !== undefined) this.#refuse(letter, 'it has its number already')
    else if (!isEvent(letter.payload)) this.#refuse(letter, 'it is a fill, which has no handler')
    else if (letter.stream === undefined) this.#refuse(letter, 'it names no stream')
    else await this.#handOver(letter, letter.stream, letter.payload)
  }

  async end(): Promise<RetriedLetters> {
    await this.#flush()
    return { ...this.#counts, refusals: this.#refusals }
  }

  async #readAgain(letter: DeadLetter): Promise<void> {
    const { read } = this.#request
    if (read === undefined) {
      this.#refuse(letter, 'to read it again takes the configuration (--config)')
      return
    }
    const reading = await read(letter)
    if (reading.kind === 'unreadable') this.#refuse(letter, `it cannot be read now either: ${reading.detail}`)
    else if (reading.kind === 'untracked') await this.#handOver(letter, reading.stream, reading.event)
    else await this.#admit(letter, reading)
  }

  async #admit(letter: DeadLetter, reading: Omit<Admission, 'letter' | 'sequence'>): Promise<void> {
    const { stream, arrival } = reading
    // Counting costs more than admitting.
    if (this.#counts.admitted % chunkMax === 0) {
      this.#hasRoom &&= await this.#awaitRoom(new Set([arrival.domain]))
    }
    if (!this.#hasRoom) {
      this.#refuse(letter, noRoom)
      return
    }
    const { sequence } = this.#request
    const admission = { ...reading, letter, ...(sequence !== undefined && { sequence }) }
    const admitted = await admitLetter(this.#target, this.#request, admission)
    if (typeof admitted === 'object') {
      this.#refuse(letter, admitted.why)
      return
    }
    if (admitted === 'gone') await this.#noteAsked([{ letter, stream }])
    this.#counts[admitted]++
  }

  async #handOver(letter: DeadLetter, stream: StreamPath, arrival: InturnEvent): Promise<void> {
    const { by, reason } = this.#request
    const isWaiting = (await this.#waiting()).has(letter.key)
    this.#chunk.push({ stream, arrival, redrive: { key: letter.key, by, reason }, letter, isWaiting })
    if (this.#chunk.length >= chunkMax) await this.#flush()
  }

  async #flush(): Promise<void> {
    const chunk = this.#chunk
    this.#chunk = []
    const [waiting, others] = [chunk.filter((one) => one.isWaiting), chunk.filter((one) => !one.isWaiting)]
    await this.#noteAsked(waiting)
    this.#counts.waiting += waiting.length
    if (others.length === 0) return
    this.#hasRoom &&= await this.#awaitRoom(new Set(others.map(({ arrival }) => arrival.domain)))
    if (!this.#hasRoom) {
      for (const { letter } of others) {
        this.#refuse(letter, noRoom)
      }
      return
    }
    await this.#noteAsked(others)
    const { store, consumer } = this.#target
    await store.handOver(
      consumer,
      others.map(({ stream, arrival, redrive }) => ({ stream, arrival, redrive })),
    )
    this.#counts.handedOver += others.length
  }

  /** Notes who asked: of two who ask for one letter, only one finds it when the handler is called. */
  async #noteAsked(asked: readonly Pick<AskedLetter, 'stream' | 'letter'>[]): Promise<void> {
    if (asked.length === 0) return
    const { store, consumer } = this.#target
    const { by, reason } = this.#request
    const at = await store.now()
    const ledger = asked.map(({ stream, letter }) =>
      redriveEntry('redrive-asked', letter, { stream, at, by, reason }),
    )
    await store.record(consumer, { ledger })
  }

  /** Waits until there is room in the inboxes of the domains; whether it came in time. */
  async #awaitRoom(domains: ReadonlySet<string>): Promise<boolean> {
    const { store, consumer, timers = systemTimers } = this.#target
    const untilMs = timers.elapsedMs() + (this.#request.waitMs ?? operatorWaitMs)
    for (;;) {
      const statuses = await store.reader.domains(consumer)
      const hasRoom = (name: string): boolean => (statuses.get(name)?.handedOver ?? 0) < this.#roomOf(name)
      if ([...domains].every(hasRoom)) return true
      if (timers.elapsedMs() >= untilMs) return false
      await timers.sleep(roomPauseMs)
    }
  }

  /** Half of the room in inboxes: the other half is for the events that keep coming. */
  #roomOf(domain: string): number {
    return Math.ceil((this.#target.domains.get(domain)?.handedOverMax ?? defaultRoom) / 2)
  }

  /** The keys of the letters that wait already, as it was when the command began. */
  async #waiting(): Promise<ReadonlySet<string>> {
    if (this.#waitingKeys !== undefined) return this.#waitingKeys
    const { store, consumer } = this.#target
    const keys = new Set<string>()
    for await (const { redrive } of eachInboxEntry({ reader: store.reader, consumer })) {
      if (redrive !== undefined) keys.add(redrive.key)
    }
    this.#waitingKeys = keys
    return keys
  }

  #refuse({ key, reason }: DeadLetter, why: string): void {
    if (this.#request.key !== undefined) {
      throw new InturnError(
        'operation-refused',
        `the dead letter ${key} (${reason}) was left as it is: ${why}`,
      )
    }
    this.#counts.refused++
    if (this.#refusals.length < refusedNamedMax) this.#refusals.push({ key, reason, why })
  }
}

function isEvent(payload: unknown): payload is InturnEvent {
  return typeof payload === 'object' && payload !== null && 'stream' in payload && !('fill' in payload)
}

// The sequence store in memory: everything happens at once between two awaits.
import type { LogStream } from '../../core/append-errors.ts'
import { InturnError } from '../../core/errors.ts'
import type {
  AssignRequest,
  BurnedNumbers,
  NumberRange,
  SequenceStore,
  StoredReservation,
} from '../../ports/sequence-store.ts'

interface MemoryReservation extends LogStream, NumberRange {
  readonly until: number
  state: 'open' | 'used' | 'burned' | 'published'
  reason: string
}

/** How long an ended reservation is remembered. */
const rememberedMs = 3_600_000

/** A sequence store in memory; made by `memorySequences`. */
export class MemorySequenceStore implements SequenceStore {
  readonly name = 'memory'
  readonly durable = false
  readonly #now: () => number
  readonly #last = new Map<string, number>()
  readonly #reservations = new Map<string, MemoryReservation>()
  /** By scope: the number of each id, oldest first. */
  readonly #assigned = new Map<string, Map<string, number>>()
  #reserved = 0
  #isClosed = false

  constructor(now: () => number) {
    this.#now = now
  }

  async open(): Promise<void> {
    this.#isClosed = false
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  async reserve(
    { domain, stream }: LogStream,
    { count, claimMs }: { readonly count: number; readonly claimMs: number },
  ): Promise<StoredReservation> {
    this.#checkOpen()
    this.#forget()
    const range = this.#take({ domain, stream }, count)
    const reservation = String(++this.#reserved)
    const until = this.#now() + claimMs
    this.#reservations.set(reservation, { domain, stream, ...range, until, state: 'open', reason: '' })
    return { ...range, reservation, until }
  }

  async use(reservation: string): Promise<boolean> {
    this.#checkOpen()
    const known = this.#reservations.get(reservation)
    if (known?.state === 'open' && known.until > this.#now()) known.state = 'used'
    return known?.state === 'used'
  }

  async burn(reservation: string, reason: string): Promise<boolean> {
    this.#checkOpen()
    const known = this.#reservations.get(reservation)
    if (known?.state === 'open') Object.assign(known, { state: 'burned', reason })
    return known !== undefined && known.state !== 'used'
  }

  async burned({
    domain,
    limit,
  }: {
    readonly domain: string
    readonly limit: number
  }): Promise<readonly BurnedNumbers[]> {
    this.#checkOpen()
    const burned: BurnedNumbers[] = []
    for (const [reservation, known] of this.#reservations) {
      if (known.domain !== domain) continue
      const isOver = known.state === 'open' && known.until <= this.#now()
      if (isOver) Object.assign(known, { state: 'burned', reason: 'the claim of the numbers has ended' })
      const { stream, from, to, reason } = known
      if (known.state === 'burned') burned.push({ reservation, domain, stream, from, to, reason })
    }
    return burned.slice(0, limit)
  }

  async published(reservations: readonly string[]): Promise<void> {
    this.#checkOpen()
    for (const reservation of reservations) {
      const known = this.#reservations.get(reservation)
      if (known?.state === 'burned') known.state = 'published'
    }
  }

  async assign({ scope, messages, windowMax }: AssignRequest): Promise<readonly number[]> {
    this.#checkOpen()
    const assigned = this.#assigned.get(scope) ?? new Map<string, number>()
    this.#assigned.set(scope, assigned)
    const numbers = messages.map(({ domain, stream, id }) => {
      const key = JSON.stringify([domain, stream, id])
      const number = assigned.get(key) ?? this.#take({ domain, stream }, 1).from
      assigned.set(key, number)
      return number
    })
    for (const key of assigned.keys()) {
      if (assigned.size <= windowMax) break
      assigned.delete(key)
    }
    return numbers
  }

  async last({ domain, stream }: LogStream): Promise<number> {
    this.#checkOpen()
    return this.#last.get(JSON.stringify([domain, stream])) ?? 0
  }

  #take({ domain, stream }: LogStream, count: number): NumberRange {
    const key = JSON.stringify([domain, stream])
    const from = (this.#last.get(key) ?? 0) + 1
    this.#last.set(key, from + count - 1)
    return { from, to: from + count - 1 }
  }

  #forget(): void {
    for (const [reservation, { state, until }] of this.#reservations) {
      const hasEnded = state === 'used' || state === 'published'
      if (hasEnded && until < this.#now() - rememberedMs) this.#reservations.delete(reservation)
    }
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new InturnError('store-closed', 'the sequence store is closed')
  }
}

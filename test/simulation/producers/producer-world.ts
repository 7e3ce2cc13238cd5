// What all processes of a simulation share, and what outlives them: time, the log, the numbers, the store,
// the topic, what was done, and the record of what happened.
import type { LoggedEvent } from '../../../src/core/logged-event.ts'
import { streamPath } from '../../../src/core/stream-path.ts'
import type { EventLog } from '../../../src/ports/event-log.ts'
import type { SequenceStore } from '../../../src/ports/sequence-store.ts'
import type { Timers } from '../../../src/ports/timers.ts'
import type { MemoryStore } from '../../../src/stores/memory.ts'
import { memoryEventLog, memorySequences, memoryStore } from '../../../src/stores/memory.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'
import { TransactionQueue } from '../transactional-store.ts'
import type { ProducerMutation } from './producer-mutation.ts'
import type { ProducerScenario } from './producer-scenario.ts'
import { SimulatedTopic } from './simulated-topic.ts'

/** The consumer of the topic, the one of the log, and the one that comes later than the others. */
export type ConsumerName = 'billing' | 'direct' | 'late'

/** An effect of a handler. */
export interface Effect {
  readonly consumer: string
  readonly path: string
  readonly sequence: number
  readonly id: string
}

/** An append that has returned. */
export interface Acknowledged {
  readonly batch: string
  readonly path: string
  readonly ids: readonly string[]
  readonly numbers: readonly number[]
}

/** How long a process that stood still may write what was true before, in milliseconds, and more. */
const relayMemoryMs = 12_000

/** The world of one simulation. */
export class ProducerWorld {
  readonly scenario: ProducerScenario
  readonly mutation: ProducerMutation
  readonly random: SeededRandom
  readonly timers: VirtualTimers = new VirtualTimers()
  readonly log: EventLog
  readonly sequences: SequenceStore
  readonly store: MemoryStore
  readonly transactions: TransactionQueue = new TransactionQueue()
  readonly topic: SimulatedTopic
  readonly effects: Effect[] = []
  readonly acknowledged: Acknowledged[] = []
  /** What relays have given to the topic, by stream, in order. */
  readonly sent: Map<string, number[]> = new Map()
  /** Ids of what a sequencer has numbered, as they were published. */
  readonly booked: Set<string> = new Set()
  /** Every event that the log ever had, by place from 1. */
  readonly whole: LoggedEvent[] = []
  /** What retention has archived. */
  readonly archived: LoggedEvent[] = []
  readonly crashes: string[] = []
  readonly lines: string[] = []
  isTroubled = true
  /** The last place that was removed when the late consumer began; absent: it has not. */
  lateAfter: number | undefined
  readonly #done = new Set<string>()
  readonly #acknowledgedIds = new Set<string>()
  readonly #relayed: { readonly atMs: number; readonly through: number }[] = []

  constructor(scenario: ProducerScenario, mutation: ProducerMutation) {
    this.scenario = scenario
    this.mutation = mutation
    this.random = new SeededRandom(scenario.seed ^ 0xc4a1)
    const now = (): number => 1_700_000_000_000 + this.timers.elapsedMs()
    const timers: Timers = this.timers
    this.log = memoryEventLog({ now, timers })
    this.sequences = memorySequences({ now })
    this.store = memoryStore({ now, timers })
    this.topic = new SimulatedTopic(timers, this.random.fork(), scenario)
  }

  note(line: string): void {
    this.lines.push(`${String(this.timers.elapsedMs()).padStart(8)} ${line}`)
  }

  crashed(id: string, error: unknown): void {
    const text = error instanceof Error ? String(error.stack) : String(error)
    this.crashes.push(`${id} ended: ${text}`)
    this.note(`${id} ended: ${text}`)
  }

  acknowledge(entry: Acknowledged): void {
    this.acknowledged.push(entry)
    for (const id of entry.ids) this.#acknowledgedIds.add(`${entry.path} ${id}`)
    this.note(`${entry.batch}: ${entry.path} has ${entry.numbers.join(' ')}`)
  }

  act(effect: Effect): void {
    this.effects.push(effect)
    this.#done.add(keyOf(effect.consumer, effect.path, effect.sequence))
    this.note(`${effect.consumer}: effect of ${effect.path} ${effect.sequence} (${effect.id})`)
  }

  /** Reads what is new in the log. */
  async follow(): Promise<void> {
    for (let isEnd = false; !isEnd;) {
      const page = await this.log.page({ after: this.whole.length, limit: 1_000 })
      this.whole.push(...page.events)
      isEnd = page.isEnd
    }
    const { shards } = this.scenario
    let through = Infinity
    for (let shard = 1; shard <= shards; shard++) {
      const note = await this.store.checkpoint('relay chain', `shard ${shard} of ${shards}`)
      const place: unknown = note === undefined ? undefined : JSON.parse(note)
      const isPlace = typeof place === 'object' && place !== null && 'through' in place
      through = Math.min(through, isPlace ? Number(place.through) : 0)
    }
    this.#relayed.push({ atMs: this.timers.elapsedMs(), through })
  }

  /** Whether a consumer has done an event, or need not. */
  isDone(consumer: ConsumerName, { domain, stream, sequence, place }: LoggedEvent): boolean {
    if (consumer === 'late' && place <= (this.lateAfter ?? Infinity)) return true
    return this.#done.has(keyOf(consumer, streamPath(domain, stream), sequence))
  }

  /** Whether relays have sent everything. */
  isSent(): boolean {
    const distinct = [...this.sent.values()].reduce((sum, numbers) => sum + new Set(numbers).size, 0)
    return distinct === this.whole.length
  }

  /** Everything below this place may be removed: nobody will ask for it any more. */
  async removableBefore(): Promise<number> {
    const agoMs = this.timers.elapsedMs() - relayMemoryMs
    const ago = this.#relayed.filter(({ atMs }) => atMs >= agoMs)
    const isOld = this.#relayed.some(({ atMs }) => atMs < agoMs)
    const relayed = isOld ? Math.min(...ago.map(({ through }) => through)) : 0
    let before = this.archived.length + 1
    for (let event = this.whole[before - 1]; event !== undefined; event = this.whole[++before - 1]) {
      if (event.place > relayed || !(await this.#isRemovable(event))) break
    }
    return before
  }

  /** Whether its producer knows that it is there, and every consumer has committed it. */
  async #isRemovable(event: LoggedEvent): Promise<boolean> {
    const path = streamPath(event.domain, event.stream)
    if (!this.#acknowledgedIds.has(`${path} ${event.id}`)) return false
    for (const consumer of ['billing', 'direct', 'late'] as const) {
      if (consumer === 'late' && event.place <= (this.lateAfter ?? Infinity)) continue
      const stored = await this.store.reader.stream(consumer, path)
      if (Number(stored?.state.position ?? 0) < event.sequence) return false
    }
    return true
  }
}

function keyOf(consumer: string, path: string, sequence: number): string {
  return `${consumer} ${path} ${sequence}`
}

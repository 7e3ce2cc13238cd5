// Consumers and their domains: ids, units of work, counts and clocks.
import type { StreamPath } from '../../core/stream-path.ts'
import { parseStreamPath } from '../../core/stream-path.ts'
import type { DomainStatus } from '../../ports/domain-status.ts'
import type { Database } from './database.ts'
import { numberAt, textAt } from './row.ts'
import { sqlFile } from './sql-file.ts'
import { StateCache } from './state-cache.ts'
import type { Outcome, Writer } from './writer.ts'

const addConsumerSql = sqlFile(new URL('./consumers/add-consumer.sql', import.meta.url))
const findConsumerSql = sqlFile(new URL('./consumers/find-consumer.sql', import.meta.url))
const beginUnitSql = sqlFile(new URL('./consumers/begin-unit.sql', import.meta.url))
const beatSql = sqlFile(new URL('./consumers/beat.sql', import.meta.url))
const listDomainsSql = sqlFile(new URL('./consumers/list-domains.sql', import.meta.url))
const countDomainSql = sqlFile(new URL('./consumers/count-domain.sql', import.meta.url))
const pauseDomainSql = sqlFile(new URL('./consumers/pause-domain.sql', import.meta.url))

const longestBeatMs = 5000

/** A consumer as this process knows it. */
export interface Consumer {
  readonly id: number
  readonly cache: StateCache
}

/** The consumers that this process works for. */
export class Consumers {
  readonly #known = new Map<string, Consumer>()
  readonly #writer: Writer
  readonly #database: Database
  readonly #cachedStreamsMax: number

  constructor(writer: Writer, database: Database, cachedStreamsMax: number) {
    this.#writer = writer
    this.#database = database
    this.#cachedStreamsMax = cachedStreamsMax
  }

  /** A consumer by its name; made where there is none. */
  async named(name: string): Promise<Consumer> {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const id = await this.#writer.write('lazy', () => {
      this.#database.run(addConsumerSql, name)
      return numberAt(this.#database.one(findConsumerSql, name), 'id')
    })
    const added = this.#known.get(name) ?? { id, cache: new StateCache(this.#cachedStreamsMax) }
    this.#known.set(name, added)
    return added
  }
}

/** What a unit of work begins with. */
export interface BegunUnit {
  readonly fence: number
  readonly readingMs: number
  /** Entries of the journal that are not folded yet. */
  readonly journalEntries: number
}

/** A unit of work, or a commit of one, begins. */
export function beginUnit(database: Database, consumer: Consumer, outcome: Outcome): BegunUnit {
  const row = database.one(beginUnitSql, consumer.id)
  const fence = numberAt(row, 'units')
  consumer.cache.begin(fence)
  outcome.onUndo(() => consumer.cache.undo(fence))
  const journalEntries = numberAt(row, 'journal_entries')
  return { fence, readingMs: numberAt(row, 'reading_ms'), journalEntries }
}

/** A worker of the consumer was reading; returns the reading clock. */
export function beat(database: Database, consumer: number, now: number): number {
  return numberAt(database.one(beatSql, consumer, now, longestBeatMs), 'reading_ms')
}

/** What is counted of each domain. */
export function readDomains(database: Database, consumer: number): Map<string, DomainStatus> {
  const rows = database.all(listDomainsSql, consumer)
  return new Map(
    rows.map((row) => {
      const status = {
        held: numberAt(row, 'held'),
        handedOver: numberAt(row, 'handed_over'),
        paused: numberAt(row, 'paused') === 1,
      }
      return [textAt(row, 'name'), status]
    }),
  )
}

/** Pauses or resumes a domain. */
export function pauseDomain(
  database: Database,
  consumer: number,
  { domain, paused }: { readonly domain: string; readonly paused: boolean },
): void {
  database.run(pauseDomainSql, consumer, domain, paused ? 1 : 0)
}

/** What a transaction adds to the counts of domains. */
export class DomainCounts {
  readonly #held = new Map<string, number>()
  readonly #handedOver = new Map<string, number>()

  held(stream: StreamPath, count: number): void {
    if (count !== 0) add(this.#held, domainOf(stream), count)
  }

  handedOver(stream: StreamPath, count: number): void {
    if (count !== 0) add(this.#handedOver, domainOf(stream), count)
  }

  write(database: Database, consumer: number): void {
    for (const domain of new Set([...this.#held.keys(), ...this.#handedOver.keys()])) {
      const [held, handedOver] = [this.#held.get(domain) ?? 0, this.#handedOver.get(domain) ?? 0]
      database.run(countDomainSql, consumer, domain, held, handedOver)
    }
  }
}

function add(counts: Map<string, number>, domain: string, count: number): void {
  counts.set(domain, (counts.get(domain) ?? 0) + count)
}

function domainOf(stream: StreamPath): string {
  return parseStreamPath(stream)?.domain ?? stream
}

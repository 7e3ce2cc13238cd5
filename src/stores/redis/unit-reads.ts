// What a unit of work may read, each in one round trip.
import type { StreamPath } from '../../core/stream-path.ts'
import { readDeadLetter, readHandedOver } from '../../ports/record-text.ts'
import type { DeadLetter, HeldEvent, HeldRange, StoredHandedOver } from '../../ports/records.ts'
import type { Connection } from './connection.ts'
import { encodedDomain } from './domain-totals.ts'
import { boundsOf, readHeld } from './held.ts'
import type { Keyspace } from './keyspace.ts'
import { keptText } from './keyspace.ts'
import { luaScript } from './lua-script.ts'
import { letterShard } from './records.ts'
import { groupsIn, listIn, textIn, textsIn } from './reply.ts'

const readHeldScript = luaScript('read-held')
const readOverflowScript = luaScript('read-overflow')
const listHandedOverScript = luaScript('list-handed-over')
const knowLettersScript = luaScript('know-letters')
const knownIdsScript = luaScript('known-ids')

/** Reads for a unit of work. */
export class UnitReads {
  readonly #connection: Connection
  readonly #keyspace: Keyspace
  readonly #consumer: string

  constructor(connection: Connection, keyspace: Keyspace, consumer: string) {
    this.#connection = connection
    this.#keyspace = keyspace
    this.#consumer = consumer
  }

  async held(ranges: readonly HeldRange[]): Promise<HeldEvent[]> {
    const replies = await this.#connection.read(
      ranges.map((range) => ({
        script: readHeldScript,
        keys: [this.#base(range.stream)],
        args: [range.stream, ...boundsOf(range), -1],
      })),
    )
    return ranges.flatMap(({ stream }, index) => {
      const [members] = listIn(replies[index])
      return textsIn(members).map((member) => readHeld(stream, member).held)
    })
  }

  async handedOver(streams: readonly StreamPath[], limit: number): Promise<StoredHandedOver[]> {
    const replies = await this.#connection.read(
      streams.map((stream) => ({
        script: listHandedOverScript,
        keys: [this.#base(stream)],
        args: ['-', limit, stream],
      })),
    )
    return replies
      .flatMap((reply) => groupsIn(reply, 3).map(handedOverIn))
      .sort((a, b) => (a.arrivalId < b.arrivalId ? -1 : 1))
  }

  async overflow(stream: StreamPath, limit: number): Promise<DeadLetter[]> {
    const bases = [this.#base(stream), this.#keyspace.home(this.#consumer)]
    const replies = await this.#connection.read(
      bases.map((base) => ({ script: readOverflowScript, keys: [base], args: [stream, limit] })),
    )
    return replies
      .flatMap((reply) => groupsIn(reply, 2).map(([place, text]) => [textIn(place), textIn(text)] as const))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, limit)
      .map(([, text]) => readDeadLetter(text))
  }

  async buried(keys: readonly string[]): Promise<Set<string>> {
    const shards = [...Map.groupBy(keys, (key) => letterShard(this.#keyspace, key))]
    const replies = await this.#connection.read(
      shards.map(([shard, inShard]) => ({
        script: knowLettersScript,
        keys: [this.#keyspace.base(this.#consumer, shard)],
        args: inShard.map(keptText),
      })),
    )
    const known = shards.flatMap(([, inShard], index) => {
      const isThere = listIn(replies[index])
      return inShard.filter((_, place) => isThere[place] === 1)
    })
    return new Set(known)
  }

  async knownIds(domain: string, ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set()
    const encoded = encodedDomain(domain)
    const known = listIn(
      await this.#connection.readOne({
        script: knownIdsScript,
        keys: [this.#base(encoded)],
        args: [encoded, ...ids.map(keptText)],
      }),
    )
    return new Set(ids.filter((_, index) => known[index] === 1))
  }

  #base(path: StreamPath): string {
    return this.#keyspace.base(this.#consumer, this.#keyspace.shardOf(path))
  }
}

/** A handed-over event from its id, path and text. */
export function handedOverIn([id, path, text]: readonly unknown[]): StoredHandedOver {
  return { stream: textIn(path), arrivalId: textIn(id), ...readHandedOver(textIn(text)) }
}

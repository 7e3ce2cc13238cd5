// Dead letters and ledger entries as scripts take and give them, and where they lie. A dead letter lies where
// its key says, so that there is one a key; the keys of a stream's dead letters begin with its path, so they
// lie in its shard and are kept together with its position. Upholds I3.
import { sortableText } from '../../core/sequence.ts'
import type { DeadLetter, LedgerEntry } from '../../ports/records.ts'
import type { Commit } from '../../ports/store.ts'
import type { ScriptArgument } from '../../redis/packed-arguments.ts'
import { recordText } from '../../storage/record-text.ts'
import type { Keyspace } from './keyspace.ts'
import { keptText } from './keyspace.ts'

/** What belongs to no claimed stream. */
export type StreamlessRecords = Omit<Commit, 'streams' | 'ids'>

/** Records of one shard. */
interface ShardRecords {
  readonly redriven: string[]
  readonly deadLetters: DeadLetter[]
  readonly ledger: LedgerEntry[]
}

/** Records by the shard in which they lie. */
export class RecordsByShard {
  readonly #keyspace: Keyspace
  readonly #shards = new Map<number, ShardRecords>()

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace
  }

  /** Adds records; ledger entries go to a shard that the caller names. */
  add(records: StreamlessRecords, ledgerShard: number): void {
    for (const key of records.redriven ?? []) this.#in(letterShard(this.#keyspace, key)).redriven.push(key)
    for (const letter of records.deadLetters ?? []) {
      this.#in(letterShard(this.#keyspace, letter.key)).deadLetters.push(letter)
    }
    for (const entry of records.ledger ?? []) this.#in(ledgerShard).ledger.push(entry)
  }

  /** Takes out what lies in a shard, as the scripts take it; `undefined` if there is nothing. */
  take(shard: number): ScriptArgument[] | undefined {
    const records = this.#shards.get(shard)
    this.#shards.delete(shard)
    return records && recordArguments(records)
  }

  /** The shards that records are left for. */
  get shards(): readonly number[] {
    return [...this.#shards.keys()]
  }

  #in(shard: number): ShardRecords {
    const there = this.#shards.get(shard)
    if (there !== undefined) return there
    const made: ShardRecords = { redriven: [], deadLetters: [], ledger: [] }
    this.#shards.set(shard, made)
    return made
  }
}

/** The shard of a dead letter: its stream's, or that of what belongs to no stream. */
export function letterShard(keyspace: Keyspace, key: string): number {
  const path = keyForm.exec(key)?.[1]
  return path === undefined ? keyspace.shards : keyspace.shardOf(path)
}

/** What a key looks like that names a stream; `ports/dead-letter-key.ts` makes them. */
const keyForm = /^([\w.~%!'()*-]*\/[\w.~%!'()*-]*)\/(?:-?\d+\/-?\d+\/)?[\w.~%!'()*-]*$/

/** No records, as the scripts take them. */
export const noRecords: readonly ScriptArgument[] = ['0', '0', '0']

function recordArguments({ redriven, deadLetters, ledger }: ShardRecords): ScriptArgument[] {
  return [
    String(redriven.length),
    ...redriven.map(keptText),
    String(deadLetters.length),
    ...deadLetters.flatMap(letterArguments),
    String(ledger.length),
    ...ledger.flatMap((entry) => [entry.stream ?? '', recordText(entry)]),
  ]
}

function letterArguments(letter: DeadLetter): string[] {
  const { key, stream } = letter
  return [keptText(key), stream ?? '', recordText(letter)]
}

/** A record's cursor: its id, then its shard, as text that sorts like them. */
export function recordCursor(id: string, shard: number): string {
  return `${sortableText(Number(id))} ${sortableText(shard)}`
}

/** From which id on a shard is to be read behind a cursor. */
export function idBehind(cursor: string | undefined, shard: number): string {
  const [id = '', last = ''] = (cursor ?? '').split(' ')
  if (id.length < 3) return '0'
  return sortableText(shard) > last ? id.slice(2) : `(${id.slice(2)}`
}

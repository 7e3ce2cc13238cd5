// Turns a commit into what the scripts take, shard by shard, before anything is sent: what cannot be kept is
// refused while nothing has happened. Upholds I2.
import { encodeState } from '../../core/encode-state.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { Commit, StreamChange, StreamRecords } from '../../ports/store.ts'
import { changesState } from '../../ports/store.ts'
import { encodedDomain } from './domain-totals.ts'
import { effectArguments } from './effect-partial.ts'
import { boundsOf, heldParts } from './held.ts'
import type { Keyspace } from './keyspace.ts'
import { keptText } from './keyspace.ts'
import { luaScript } from './lua-script.ts'
import type { ScriptArgument } from './packed-arguments.ts'
import type { StreamlessRecords } from './records.ts'
import { noRecords, RecordsByShard } from './records.ts'
import type { ScriptCall } from './script-call.ts'
import { flagsOf } from './stream-record.ts'

const commitScript = luaScript('commit', 'records-prelude')
const keepRecordsScript = luaScript('keep-records', 'records-prelude')
const keepIdsScript = luaScript('keep-ids')

/** The streams of a commit that lie in one shard. */
interface ShardCommit {
  readonly shard: number
  readonly paths: readonly StreamPath[]
  readonly call: ScriptCall
}

/** A commit, ready to be sent. */
export interface PreparedCommit {
  readonly streams: readonly ShardCommit[]
  /** What belongs to no stream. It is written first: it may be written twice, and never not at all. */
  readonly first: readonly ScriptCall[]
  /** What a stream's part has beside its shard; nothing, of what the engine commits. */
  readonly last: ReadonlyMap<StreamPath, readonly ScriptCall[]>
}

/** Whose records are written. */
export interface RecordTarget {
  readonly keyspace: Keyspace
  readonly consumer: string
}

/** Whose commit it is. */
export interface CommitTarget extends RecordTarget {
  readonly worker: string
  /** The fence of the unit's claims in a shard. */
  readonly fenceOf: (shard: number) => number
  /** Where a stream was seen last. */
  readonly placeOf: (stream: StreamPath) => string
  /** Whether the unit has no claims in a shard but those of the streams that end with the commit. */
  readonly isLast: (shard: number) => boolean
}

/** Prepares a commit. */
export function prepareCommit(commit: Commit, target: CommitTarget): PreparedCommit {
  const { keyspace } = target
  const last = new Map<StreamPath, readonly ScriptCall[]>()
  const ended = new Set(commit.ended)
  const parts = new Map<number, CommitParts>()
  for (const change of commit.streams) {
    const shard = keyspace.shardOf(change.stream)
    const records = new RecordsByShard(keyspace)
    records.add({ ...change }, shard)
    const inShard = parts.get(shard) ?? { paths: [], args: [] }
    parts.set(shard, inShard)
    inShard.paths.push(change.stream)
    const args = streamArguments(change, records.take(shard), ended.has(change.stream))
    inShard.args.push(args.length)
    for (const argument of args) inShard.args.push(argument)
    if (records.shards.length > 0) last.set(change.stream, recordCalls(records, target))
  }
  return {
    streams: [...parts].map(([shard, inShard]) => shardCommit(target, shard, inShard)),
    first: streamlessCalls(commit, target),
    last,
  }
}

/** The calls that keep what belongs to no stream. */
export function streamlessCalls(
  commit: StreamlessRecords & Pick<Commit, 'ids'>,
  target: RecordTarget,
): ScriptCall[] {
  const { keyspace, consumer } = target
  const records = new RecordsByShard(keyspace)
  records.add(commit, keyspace.shards)
  const ids = (commit.ids ?? []).map(({ domain, ids, window }) => {
    const encoded = encodedDomain(domain)
    const base = keyspace.base(consumer, keyspace.shardOf(encoded))
    const args = [encoded, window.ids, window.ms, ...ids.map(keptText)]
    return { script: keepIdsScript, keys: [base], args } satisfies ScriptCall
  })
  return [...recordCalls(records, { ...target, paused: commit.paused ?? [] }), ...ids]
}

function recordCalls(
  records: RecordsByShard,
  target: RecordTarget & { readonly paused?: NonNullable<Commit['paused']> },
): ScriptCall[] {
  const { keyspace, consumer, paused = [] } = target
  const home = keyspace.shards
  const shards = new Set(paused.length > 0 ? [home, ...records.shards] : records.shards)
  return [...shards].map((shard) => {
    const pauses = shard === home ? paused : []
    const args = [
      ...(records.take(shard) ?? noRecords),
      String(pauses.length),
      ...pauses.flatMap(({ domain, paused: isPaused }) => [encodedDomain(domain), isPaused ? '1' : '0']),
    ]
    return { script: keepRecordsScript, keys: [keyspace.base(consumer, shard)], args }
  })
}

/** What is committed in one shard. */
interface CommitParts {
  readonly paths: StreamPath[]
  readonly args: ScriptArgument[]
}

function shardCommit(
  { keyspace, consumer, worker, fenceOf, placeOf, isLast }: CommitTarget,
  shard: number,
  { paths, args }: CommitParts,
): ShardCommit {
  const keys = [keyspace.base(consumer, shard)] as const
  const streams = paths.flatMap((path) => [path, placeOf(path)])
  const own = [fenceOf(shard), keptText(worker), isLast(shard) ? 1 : 0, paths.length]
  return { shard, paths, call: { script: commitScript, keys, args: [...own, ...streams, ...args] } }
}

/** One stream's parts, as the script takes them: which there are, and then each. */
function streamArguments(
  change: StreamChange | StreamRecords,
  records: readonly ScriptArgument[] | undefined,
  isEnded: boolean,
): ScriptArgument[] {
  const isChange = changesState(change)
  const hasHeld = isChange && (change.hold.length > 0 || change.release.length > 0)
  const hasDecided = change.decided.length > 0
  const effects = change.effects ?? []
  const parts = [
    isChange && change.settlesPartial === true ? 'p' : '',
    effects.length > 0 ? 'e' : '',
    `${isChange ? 's' : ''}${hasHeld ? 'h' : ''}${hasDecided ? 'd' : ''}${records ? 'r' : ''}`,
    isEnded ? 'c' : '',
  ]
  const args: ScriptArgument[] = [parts.join('')]
  if (effects.length > 0) for (const argument of effectArguments(effects)) args.push(argument)
  if (isChange) args.push(...stateArguments(change))
  if (hasHeld) args.push(...heldArguments(change))
  if (hasDecided) args.push(String(change.decided.length), ...change.decided)
  if (records !== undefined) args.push(...records)
  return args
}

function stateArguments(change: StreamChange): ScriptArgument[] {
  const { state, deliveries, due } = change
  const args: ScriptArgument[] = [encodeState(state), deliveries, flagsOf(change)]
  if (due.at !== undefined) args.push(due.at)
  if (due.readingMs !== undefined) args.push(due.readingMs)
  return args
}

function heldArguments({ release, hold }: StreamChange): string[] {
  return [
    String(release.length),
    ...release.flatMap(boundsOf),
    String(hold.length),
    ...hold.flatMap(heldParts),
  ]
}

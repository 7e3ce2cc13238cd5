// A store on Redis, or Valkey: many workers on many machines, each advancing streams of its own. Everything a
// worker does takes one round trip: one script call, or on a cluster one for each shard it touches.
import { checkNames } from '../core/check-names.ts'
import { wholeNumber } from '../core/whole-number.ts'
import type { AppendLimits, EventLog } from '../ports/event-log.ts'
import type { SequenceStore } from '../ports/sequence-store.ts'
import type { Store } from '../ports/store.ts'
import type { Timers } from '../ports/timers.ts'
import { systemTimers } from '../ports/timers.ts'
import { warningsTo } from '../ports/warnings.ts'
import type { RedisTarget } from '../redis/connection-to.ts'
import { connectionTo, defaultPrefix, defaultReplyMs } from '../redis/connection-to.ts'
import type { IoredisClient } from '../redis/ioredis-client.ts'
import type { RedisArgument, RedisClient, RedisCluster } from '../redis/redis-client.ts'
import { checkLimits, limitNames } from '../storage/prepare-append.ts'
import { effectKey } from './redis/effect-key.ts'
import type { EffectKey } from './redis/effect-key.ts'
import { RedisEventLog } from './redis/event-log/redis-event-log.ts'
import type { RedisCommands, RedisValue } from './redis/redis-commands.ts'
import { RedisStore } from './redis/redis-store.ts'
import type { WaitReplicas } from './redis/replicas.ts'
import { RedisSequenceStore } from './redis/sequences/redis-sequence-store.ts'

export { effectKey }
export type {
  EffectKey,
  IoredisClient,
  RedisArgument,
  RedisClient,
  RedisCluster,
  RedisCommands,
  RedisTarget,
  RedisValue,
}
export type { WaitReplicas }

/** How a Redis store uses its server. */
export interface RedisStoreOptions {
  /** What all keys begin with. Default `inturn`. */
  readonly prefix?: string
  /**
   * Over how many shards the streams are spread, each in one slot of a cluster. Fixed when the store is made;
   * later it need not be given. Default 64.
   */
  readonly shards?: number
  /** How long to wait for a reply, in milliseconds. Default 10,000. */
  readonly replyMs?: number
  /**
   * Settles nothing before so many replicas have it, each time within `timeoutMs`, which is less than
   * `replyMs` and best far less than a third of `claim`: meanwhile the connection does nothing else. Replicas
   * that do not confirm in time: `commit-unknown`, and nothing is begun until they do. Default: no replica is
   * waited for.
   */
  readonly waitReplicas?: WaitReplicas
  /** Told once, when the store is opened, of settings under which Redis forgets. Default a warning of
   * the process. */
  readonly onWarning?: (message: string) => void
}

const connectionNames = ['prefix', 'replyMs', 'onWarning']
const logNames = [...connectionNames, 'pollMs', 'pollMaxMs', 'timers', ...limitNames]

/**
 * A store on the server at a URL, or on a client of the package `redis` (single or cluster) that is connected
 * already and stays the caller's to close.
 *
 * @throws InturnError `config-invalid` when an option cannot be
 * @example
 * const store = redisStore('redis://localhost:6379')
 */
export function redisStore(
  target: RedisTarget,
  options: RedisStoreOptions = {},
): Store<undefined, RedisCommands> {
  checkNames(options, 'redisStore', [...connectionNames, 'shards', 'waitReplicas'])
  const { prefix = defaultPrefix, shards, replyMs = defaultReplyMs, waitReplicas } = options
  const onWarning = warningsTo(options.onWarning)
  const connection = connectionTo('redisStore', target, { prefix, replyMs })
  if (shards !== undefined) wholeNumber(shards, { name: 'redisStore: shards', least: 1, most: 16_384 })
  if (waitReplicas !== undefined) {
    checkNames(waitReplicas, 'redisStore: waitReplicas', ['replicas', 'timeoutMs'])
    wholeNumber(waitReplicas.replicas, { name: 'redisStore: waitReplicas.replicas', least: 1, most: 1000 })
    wholeNumber(waitReplicas.timeoutMs, {
      name: 'redisStore: waitReplicas.timeoutMs',
      least: 1,
      most: replyMs - 1,
    })
  }
  const parts = { connection, layout: { prefix, shards }, timers: systemTimers, onWarning }
  return new RedisStore(waitReplicas === undefined ? parts : { ...parts, waitReplicas })
}

/** How an event log on Redis is used. */
export interface RedisEventLogOptions
  extends AppendLimits, Pick<RedisStoreOptions, 'prefix' | 'replyMs' | 'onWarning'> {
  /** How soon a subscription looks again when nothing came, in milliseconds. Default 100. */
  readonly pollMs?: number
  /** While nothing comes it waits twice as long each time, up to this, in milliseconds. Default 1,000. */
  readonly pollMaxMs?: number
  /** What a subscription waits by. Default: the machine's timers. */
  readonly timers?: Timers
}

/**
 * An event log on the server at a URL, or on a client that is connected already and stays the caller's to
 * close. Any number of processes on any number of machines may append to it and read it. All of it lies in
 * one slot of a cluster; a log with another prefix lies in another one.
 *
 * @throws InturnError `config-invalid` when an option cannot be
 * @example
 * const log = redisEventLog('redis://localhost:6379')
 * await log.append({ domain: 'account', stream: '42', events: [{ id: 'e1', type: 'opened', data: {} }] })
 */
export function redisEventLog(target: RedisTarget, options: RedisEventLogOptions = {}): EventLog {
  checkNames(options, 'redisEventLog', logNames)
  const { prefix = defaultPrefix, replyMs = defaultReplyMs, onWarning: warn, ...more } = options
  const onWarning = warningsTo(warn)
  const { timers = systemTimers, pollMs = 100, ...rest } = more
  wholeNumber(pollMs, { name: 'redisEventLog: pollMs', least: 1, most: 2 ** 31 - 1 })
  const { pollMaxMs = Math.max(pollMs, 1000), ...limits } = rest
  const connection = connectionTo('redisEventLog', target, { prefix, replyMs })
  checkLimits('redisEventLog', limits)
  // Beyond this a server would not take the call.
  if (limits.appendMax !== undefined)
    wholeNumber(limits.appendMax, { name: 'redisEventLog: appendMax', least: 1, most: 100_000 })
  wholeNumber(pollMaxMs, { name: 'redisEventLog: pollMaxMs', least: 1, most: 2 ** 31 - 1 })
  const name = prefix === defaultPrefix ? connection.name : `${connection.name} ${prefix}`
  return new RedisEventLog({ name, connection, prefix, limits, timers, pollMs, pollMaxMs, onWarning })
}

/** How a sequence store on Redis is used. */
export type RedisSequencesOptions = Pick<RedisStoreOptions, 'prefix' | 'replyMs' | 'onWarning'>

/**
 * Where sequencers keep their numbers, on the server at a URL, or on a client that is connected already and
 * stays the caller's to close.
 *
 * @throws InturnError `config-invalid` when an option cannot be
 * @example
 * const sequences = redisSequences('redis://localhost:6379')
 */
export function redisSequences(target: RedisTarget, options: RedisSequencesOptions = {}): SequenceStore {
  checkNames(options, 'redisSequences', connectionNames)
  const { prefix = defaultPrefix, replyMs = defaultReplyMs } = options
  const onWarning = warningsTo(options.onWarning)
  const connection = connectionTo('redisSequences', target, { prefix, replyMs })
  return new RedisSequenceStore({ connection, prefix, onWarning })
}

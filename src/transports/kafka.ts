// Kafka topics as a source and as a sink: the workers of a group share the partitions, and what one of them
// leaves when it dies another one reads. Upholds I1, I3 and I4.
import { checkNames } from '../core/check-names.ts'
import { InturnError } from '../core/errors.ts'
import type { EventFrom } from '../core/event-from.ts'
import { checkCounts, wholeNumber } from '../core/whole-number.ts'
import type { Healer } from '../ports/healer.ts'
import type { Sink, SinkMessage } from '../ports/sink.ts'
import type { Source } from '../ports/source.ts'
import { warningsTo } from '../ports/warnings.ts'
import type { KafkaCredential, KafkaSasl, KafkaTarget } from './kafka/cluster-target.ts'
import { KafkaHealer } from './kafka/kafka-healer.ts'
import { KafkaHistory } from './kafka/kafka-history.ts'
import type { KafkaHistoryParts } from './kafka/kafka-history.ts'
import { KafkaSink } from './kafka/kafka-sink.ts'
import type { KafkaCompression } from './kafka/kafka-sink.ts'
import { KafkaSource } from './kafka/kafka-source.ts'
import type { KafkaRecord, RecordDelivery, RecordMapping } from './kafka/record-message.ts'
import type { CloudEventMode } from './kafka/sink-record.ts'
import { namedWindow } from './kafka/topic-window.ts'

export type {
  CloudEventMode,
  KafkaCompression,
  KafkaCredential,
  KafkaRecord,
  KafkaSasl,
  KafkaTarget,
  RecordDelivery,
  RecordMapping,
}

/** Options of {@link kafkaSource}. */
export interface KafkaSourceOptions extends KafkaTarget, RecordMapping {
  /** The group. Its members share the partitions; every group gets all of them. */
  readonly groupId: string
  readonly topics: readonly string[]
  /** Where a partition begins of which the group has committed nothing. Default `beginning`. */
  readonly start?: 'beginning' | 'new'
  /**
   * A name of this member that stays (`group.instance.id`): restarted within `sessionMs` it has its
   * partitions back at once, and no other is disturbed. No two that run at a time may have the same.
   */
  readonly instanceId?: string
  /** A member that was not heard of for so long loses its partitions, in ms. Default 15,000. */
  readonly sessionMs?: number
  /** What is settled is committed within so many milliseconds. Default 1,000. */
  readonly commitEveryMs?: number
  /** How often it is asked which partitions there are, and who leads them, in ms. Default 30,000. */
  readonly refreshMs?: number
  /** Records of one partition that may be unsettled; at this many no more of it are read. Default 100,000. */
  readonly unsettledMax?: number
  /** Told of records that were lost, and of commits that failed. Default a warning of the process. */
  readonly onWarning?: (message: string) => void
}

/** Options of {@link kafkaHistory}. */
export interface KafkaHistoryOptions extends KafkaTarget, RecordMapping {
  readonly topics: readonly string[]
  /**
   * Where it begins: a time (`2026-01-02T03:04:05Z`), so long before now (`2h`), or places as origins show
   * them (`accounts[3]@1042,accounts[4]@17`); partitions that are not named are left out then. Default:
   * where the topics begin.
   */
  readonly since?: string
  /** In front of what it ends, in the same words. Default: it goes on as the topics grow. */
  readonly until?: string
  /** Told of what is not there any more. Default a warning of the process. */
  readonly onWarning?: (message: string) => void
}

/** Options of {@link kafkaHealer}. */
export interface KafkaHealerOptions extends Omit<KafkaHistoryOptions, 'byOffset'> {
  /** How many records are searched at most, the newest ones of the window. Default 1,000,000. */
  readonly recordsMax?: number
  /** How an event is found in a record. Default: as whoever asks finds it. */
  readonly eventFrom?: EventFrom
}

/** Options of {@link kafkaSink}. */
export interface KafkaSinkOptions extends KafkaTarget {
  /** The topic that everything goes to. Either this or `topicOf`. */
  readonly topic?: string
  /** The topic that a message goes to; the same for all messages of one stream of events. */
  readonly topicOf?: (message: SinkMessage) => string
  /**
   * How CloudEvents are sent: `structured` (default): a record's value is all of it; `binary`: its value is
   * the data, and its headers are the rest (`ce_id`, `ce_sequence`, ...).
   */
  readonly cloudEvents?: CloudEventMode
  /** How brokers keep the records. Default `none`. */
  readonly compression?: KafkaCompression
  /** How long to wait for a reply, in milliseconds. Default 10,000. */
  readonly replyMs?: number
}

const msMax = 2 ** 31 - 1
const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
const targetNames = ['brokers', 'clientId', 'ssl', 'sasl']
const historyNames = [...targetNames, 'topics', 'decode', 'domain', 'onWarning', 'byOffset', 'since', 'until']
const healerNames = [...historyNames.filter((name) => name !== 'byOffset'), 'recordsMax', 'eventFrom']
const sourceNames = [...targetNames, 'groupId', 'topics', 'start', 'instanceId'].concat([
  'sessionMs',
  'commitEveryMs',
  'refreshMs',
  'unsettledMax',
  'onWarning',
  'decode',
  'byOffset',
  'domain',
])
/** What is read once, as history, needs no options for it. */
const [historyUnsettledMax, historyRefreshMs] = [100_000, 30_000]
const saslNames = ['mechanism', 'username', 'password', 'token']
const saslMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER']

/**
 * Kafka topics as a log source, read by one member of a group. Needs the package `@platformatic/kafka`.
 *
 * @throws InturnError `config-invalid` for an option that is missing or out of its range; when it is opened
 *   also where the package is missing, or does not run on this Node
 * @example
 * const source = kafkaSource({ brokers: ['localhost:9092'], groupId: 'billing', topics: ['accounts'] })
 */
export function kafkaSource(options: KafkaSourceOptions): Source<RecordDelivery> {
  checkOptions(options)
  const { brokers, clientId, ssl, sasl, groupId, topics, start = 'beginning', instanceId } = options
  const { sessionMs = 15_000, commitEveryMs = 1_000, refreshMs = 30_000 } = options
  const { unsettledMax = 100_000, decode, byOffset, domain } = options
  return new KafkaSource({
    client: {
      name: `kafka ${topics.join(', ')}, group ${groupId}`,
      brokers,
      groupId,
      topics: [...new Set(topics)],
      instanceId,
      sessionMs,
      clientId,
      ssl,
      sasl,
    },
    mapping: { decode, byOffset, domain },
    start,
    unsettledMax,
    commitEveryMs,
    refreshMs,
    warn: warningsTo(options.onWarning),
  })
}

/**
 * Topics as history: a log source that is in no group, and reads them, or a window of them, from the
 * beginning as often as anybody asks. `kafkaSource` has it already, for its own topics.
 *
 * @throws InturnError `config-invalid` for an option that is missing or out of its range
 * @example
 * const history = kafkaHistory({ brokers: ['localhost:9092'], topics: ['archive'], since: '2026-01-01' })
 */
export function kafkaHistory(options: KafkaHistoryOptions): Source<RecordDelivery> {
  return new KafkaHistory(historyOf(options, { by: 'kafkaHistory', names: historyNames }))
}

/**
 * A healer that finds missing events in topics: it reads through a window of them, since brokers find no
 * event by its number.
 *
 * @throws InturnError `config-invalid` for an option that is missing or out of its range
 * @example
 * const healer = kafkaHealer({ brokers: ['localhost:9092'], topics: ['accounts'], since: '2h' })
 * const gap = { heal: { with: healer } }
 */
export function kafkaHealer(options: KafkaHealerOptions): Healer {
  const by = 'kafkaHealer'
  const parts = historyOf(options, { by, names: healerNames })
  const { recordsMax = 1_000_000, eventFrom } = options
  checkCounts(by, { recordsMax })
  checkFunctions({ eventFrom }, by)
  return new KafkaHealer({ ...parts, recordsMax }, eventFrom)
}

function historyOf(
  options: KafkaHistoryOptions,
  { by, names }: { readonly by: string; readonly names: readonly string[] },
): KafkaHistoryParts {
  checkNames(options, by, names)
  checkTarget(options, by)
  checkTexts(by, { topics: options.topics })
  checkMapping(options, by)
  const { brokers, clientId, ssl, sasl, decode, byOffset, domain } = options
  const { since, until } = options
  for (const [name, value] of given({ since, until })) checkText(value, `${by}: ${name}`)
  const topics = [...new Set(options.topics)]
  return {
    client: { name: `kafka ${topics.join(', ')}`, brokers, topics, clientId, ssl, sasl },
    mapping: { decode, byOffset, domain },
    window: namedWindow({ since, until }, { by, topics }),
    unsettledMax: historyUnsettledMax,
    refreshMs: historyRefreshMs,
    warn: warningsTo(options.onWarning),
  }
}

/**
 * A topic, or several, as a sink: the key of a record is its stream, as Java's producers partition it, and
 * its value the message. Needs the package `@platformatic/kafka`.
 *
 * @throws InturnError `config-invalid` for an option that is missing or out of its range
 * @example
 * const sink = kafkaSink({ brokers: ['localhost:9092'], topic: 'accounts' })
 */
export function kafkaSink(options: KafkaSinkOptions): Sink {
  const by = 'kafkaSink'
  checkNames(options, by, [...targetNames, 'topic', 'topicOf', 'cloudEvents', 'compression', 'replyMs'])
  const { brokers, clientId, ssl, sasl, topic, topicOf, compression = 'none', replyMs = 10_000 } = options
  const { cloudEvents = 'structured' } = options
  checkTarget(options, by)
  if ((topic === undefined) === (topicOf === undefined)) {
    throw wrong(`${by} takes either topic or topicOf`)
  }
  for (const [name, value] of given({ topic })) checkText(value, `${by}: ${name}`)
  checkFunctions({ topicOf }, by)
  checkOneOf(compression, `${by}: compression`, compressions)
  checkOneOf(cloudEvents, `${by}: cloudEvents`, ['structured', 'binary'])
  wholeNumber(replyMs, { name: `${by}: replyMs`, least: 1, most: msMax })
  return new KafkaSink({
    name: topic === undefined ? 'kafka topics' : `kafka ${topic}`,
    target: { brokers, clientId, ssl, sasl },
    topicOf: topicOf ?? (() => topic ?? ''),
    compression,
    cloudEvents,
    replyMs,
  })
}

function checkTarget({ brokers, clientId, sasl }: KafkaTarget, by: string): void {
  checkTexts(by, { brokers })
  for (const [name, value] of given({ clientId })) checkText(value, `${by}: ${name}`)
  if (sasl !== undefined) checkSasl(sasl, by)
}

function checkFunctions(functions: Readonly<Record<string, unknown>>, by: string): void {
  for (const [name, value] of given(functions)) {
    if (typeof value !== 'function') throw wrong(`${by}: ${name} takes a function, not ${typeof value}`)
  }
}

function checkOptions(options: KafkaSourceOptions): void {
  const by = 'kafkaSource'
  checkNames(options, by, sourceNames)
  const { topics, groupId, instanceId, start } = options
  checkTarget(options, by)
  checkTexts(by, { topics })
  checkText(groupId, `${by}: groupId`)
  for (const [name, value] of given({ instanceId })) checkText(value, `${by}: ${name}`)
  checkOneOf(start ?? 'beginning', `${by}: start`, ['beginning', 'new'])
  checkMapping(options, by)
  const { sessionMs, commitEveryMs, refreshMs, unsettledMax } = options
  wholeNumber(sessionMs ?? 1_000, { name: `${by}: sessionMs`, least: 1_000, most: msMax })
  for (const [name, value] of given({ commitEveryMs, refreshMs })) {
    wholeNumber(value, { name: `${by}: ${name}`, least: 1, most: msMax })
  }
  checkCounts(by, { unsettledMax: unsettledMax ?? 1 })
}

/** What sources and histories have in common beside their target. */
function checkMapping(options: Omit<KafkaHistoryOptions, 'since' | 'until'>, by: string): void {
  const { topics, byOffset, domain, decode, onWarning } = options
  checkOneOf(byOffset ?? 'key', `${by}: byOffset`, ['partition', 'key'])
  checkDomain(domain, topics, by)
  checkFunctions({ decode, onWarning }, by)
}

/** The options that are given, by their names. */
function given<Value>(options: Readonly<Record<string, Value | undefined>>): [string, Value][] {
  return Object.entries(options).flatMap(([name, value]): [string, Value][] =>
    value === undefined ? [] : [[name, value]],
  )
}

function wrong(message: string): InturnError {
  return new InturnError('config-invalid', message)
}

function checkText(value: unknown, name: string): void {
  if (typeof value !== 'string' || value === '') throw wrong(`${name} takes a text`)
}

function checkTexts(by: string, lists: Readonly<Record<string, unknown>>): void {
  for (const [name, list] of Object.entries(lists)) {
    if (!Array.isArray(list) || list.length === 0) throw wrong(`${by}: ${name} takes a list of texts`)
    for (const value of list) checkText(value, `${by}: each of ${name}`)
  }
}

function checkOneOf(value: unknown, name: string, known: readonly string[]): void {
  if (typeof value === 'string' && known.includes(value)) return
  throw wrong(`${name} takes ${known.join(' or ')}, not ${String(value)}`)
}

function checkSasl(sasl: KafkaSasl, by: string): void {
  checkNames(sasl, `${by}: sasl`, saslNames)
  checkOneOf(sasl.mechanism, `${by}: sasl.mechanism`, saslMechanisms)
  const needed = sasl.mechanism === 'OAUTHBEARER' ? (['token'] as const) : (['username', 'password'] as const)
  for (const name of needed) {
    if (typeof sasl[name] !== 'function') checkText(sasl[name], `${by}: sasl.${name}`)
  }
}

function checkDomain(domain: KafkaSourceOptions['domain'], topics: readonly string[], by: string): void {
  if (typeof domain === 'object' && domain !== null) {
    checkNames(domain, `${by}: domain`, topics)
    for (const [topic, name] of Object.entries(domain)) checkText(name, `${by}: domain.${topic}`)
  } else if (domain !== undefined) checkText(domain, `${by}: domain`)
}

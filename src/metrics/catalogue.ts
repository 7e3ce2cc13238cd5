// Every metric by name, with its unit and labels: a contract, and the one place where it is written. The key
// of a stream is never a label: there are as many as there are streams.

/**
 * A label. Configurations bound `consumer`, `domain` and `relay`, the partitions of a source `part`, lists of
 * inturn's own the others.
 */
export type MetricLabel =
  | 'account'
  | 'call'
  | 'consumer'
  | 'domain'
  | 'error'
  | 'how'
  | 'outcome'
  | 'part'
  | 'reason'
  | 'relay'
  | 'state'
  | 'then'
  | 'unit'
  | 'verdict'
  | 'what'

/** A metric. */
export interface MetricDefinition {
  readonly kind: 'counter' | 'gauge' | 'histogram'
  /** As UCUM has it: `s`, or what is counted, in braces. */
  readonly unit: string
  readonly help: string
  readonly labels: readonly MetricLabel[]
}

/**
 * The boundaries of every histogram, in seconds: those that the messaging conventions of OpenTelemetry give
 * for `messaging.process.duration`.
 */
export const bucketsS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
]

function counter(unit: string, labels: readonly MetricLabel[], help: string): MetricDefinition {
  return { kind: 'counter', unit: `{${unit}}`, labels, help }
}

function gauge(unit: string, labels: readonly MetricLabel[], help: string): MetricDefinition {
  return { kind: 'gauge', unit, labels, help }
}

function seconds(labels: readonly MetricLabel[], help: string): MetricDefinition {
  return { kind: 'histogram', unit: 's', labels, help }
}

/** The name of a metric. */
export type MetricName =
  | 'messaging.process.duration'
  | 'messaging.client.consumed.messages'
  | 'inturn.verdicts'
  | 'inturn.numbers'
  | 'inturn.failures'
  | 'inturn.dead_letters'
  | 'inturn.redrives'
  | 'inturn.gaps.opened'
  | 'inturn.gaps.ended'
  | 'inturn.halts'
  | 'inturn.restarts'
  | 'inturn.delivery.delay'
  | 'inturn.heal.duration'
  | 'inturn.store.call.duration'
  | 'inturn.troubles'
  | 'inturn.streams'
  | 'inturn.wait.oldest'
  | 'inturn.gaps.open'
  | 'inturn.held'
  | 'inturn.inbox'
  | 'inturn.paused'
  | 'inturn.dead_letters.kept'
  | 'inturn.ledger.kept'
  | 'inturn.reading'
  | 'inturn.store.up'
  | 'inturn.source.lag'
  | 'inturn.source.part.lag'
  | 'inturn.relay.sent'
  | 'inturn.relay.failures'
  | 'inturn.relay.leases.lost'
  | 'inturn.relay.lag'
  | 'inturn.relay.oldest'

/** Every metric. */
export const catalogue: Readonly<Record<MetricName, MetricDefinition>> = {
  'messaging.process.duration': seconds(['consumer', 'domain', 'error'], 'Duration of a call of a handler'),
  'messaging.client.consumed.messages': counter('message', ['consumer'], 'Messages that have an answer'),
  'inturn.verdicts': counter('event', ['consumer', 'verdict'], 'Events by verdict'),
  'inturn.numbers': counter('number', ['consumer', 'domain', 'account'], 'Numbers by what became of them'),
  'inturn.failures': counter('failure', ['consumer', 'domain', 'then'], 'Failed events by what comes next'),
  'inturn.dead_letters': counter('event', ['consumer', 'domain', 'reason'], 'Events taken out of streams'),
  'inturn.redrives': counter('event', ['consumer', 'domain', 'outcome'], 'Dead letters tried again'),
  'inturn.gaps.opened': counter('gap', ['consumer', 'domain'], 'Gaps that opened'),
  'inturn.gaps.ended': counter('gap', ['consumer', 'domain', 'how'], 'Gaps that ended, by how'),
  'inturn.halts': counter('halt', ['consumer', 'domain'], 'Streams that halted, not by a failure'),
  'inturn.restarts': counter('stream', ['consumer', 'domain'], 'Producers that may count again'),
  'inturn.delivery.delay': seconds(
    ['consumer', 'domain'],
    'From the time of the newest event of a turn until it is durable',
  ),
  'inturn.heal.duration': seconds(['consumer', 'domain', 'outcome'], 'Duration of an attempt to heal a gap'),
  'inturn.store.call.duration': seconds(['consumer', 'call'], 'Duration of a call of the store'),
  'inturn.troubles': counter(
    'trouble',
    ['consumer', 'what'],
    'Store or source failed, claims lost, workers died',
  ),
  'inturn.streams': gauge('{stream}', ['consumer', 'state'], 'Streams by state'),
  'inturn.wait.oldest': gauge(
    's',
    ['consumer', 'state'],
    'How long the oldest stream of a state has been so',
  ),
  'inturn.gaps.open': gauge('{gap}', ['consumer'], 'Open gaps'),
  'inturn.held': gauge('{event}', ['consumer', 'domain'], 'Held events'),
  'inturn.inbox': gauge('{event}', ['consumer', 'domain'], 'Entries of inboxes'),
  'inturn.paused': gauge('1', ['consumer', 'domain'], '1: an operator has paused the domain'),
  'inturn.dead_letters.kept': gauge('{event}', ['consumer'], 'Dead letters in the store'),
  'inturn.ledger.kept': gauge('{entry}', ['consumer'], 'Ledger entries in the store'),
  'inturn.reading': gauge('1', ['consumer'], '1: a worker of the consumer is reading its source'),
  'inturn.store.up': gauge('1', ['consumer'], '1: the store can be read'),
  'inturn.source.lag': gauge('{unit}', ['consumer', 'unit'], 'What the source has that was not read yet'),
  'inturn.source.part.lag': gauge(
    '{event}',
    ['consumer', 'part'],
    'What a partition that is read here has behind what is settled of it',
  ),
  'inturn.relay.sent': counter('event', ['relay'], 'Events that are at the sink'),
  'inturn.relay.failures': counter('failure', ['relay'], 'Failures of log, sink or store'),
  'inturn.relay.leases.lost': counter('lease', ['relay'], 'Leases of shards that were lost'),
  'inturn.relay.lag': gauge('{event}', ['relay'], 'Events that are not known to be at the sink'),
  'inturn.relay.oldest': gauge('s', ['relay'], 'How long ago the oldest of them was appended'),
}

/** Every metric with its name. */
export const metricList: readonly (readonly [MetricName, MetricDefinition])[] = Object.entries(
  catalogue,
).flatMap(([name, definition]) => (isName(name) ? [[name, definition] as const] : []))

function isName(name: string): name is MetricName {
  return name in catalogue
}

/** The name in Prometheus: with its unit, and `_total` for what is counted. */
export function prometheusName(name: MetricName): string {
  const { kind, unit } = catalogue[name]
  const base = name.replaceAll('.', '_')
  return `${base}${unit === 's' ? '_seconds' : ''}${kind === 'counter' ? '_total' : ''}`
}

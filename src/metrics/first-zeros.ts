// Counters that begin at 0 where their labels are known: whoever looks for a rise, as Prometheus does, sees
// none in a series that begins with its first fault.
import { verdicts } from '../core/verdict.ts'
import { deadLetterReasons } from '../ports/records.ts'
import type { WatchedEngine } from '../ports/telemetry.ts'
import type { MetricLabel, MetricName } from './catalogue.ts'
import { metricList } from './catalogue.ts'
import type { Labels } from './series.ts'

/** What the labels of counters can be, but for those that a configuration names. */
const values: Readonly<Partial<Record<MetricLabel, readonly string[]>>> = {
  account: ['delivered', 'filtered', 'filled', 'lost', 'removed', 'late'],
  how: ['came', 'healed', 'lost', 'filled', 'removed'],
  outcome: ['done', 'failed'],
  reason: deadLetterReasons,
  then: ['retry', 'halt', 'dead-letter'],
  verdict: [...verdicts, 'handed-over'],
  what: ['store-failed', 'source-failed', 'claim-lost', 'workers-died', 'records-full', 'baseline-failed'],
}

/** Every counter of an engine by its labels, of the domains whose streams are tracked. */
export function* firstZeros({ consumer, domains }: WatchedEngine): Generator<[MetricName, Labels]> {
  const known = { ...values, consumer: [consumer], domain: [...domains.keys()] }
  for (const [name, { kind, labels }] of metricList) {
    if (kind !== 'counter' || labels.includes('relay')) continue
    let all: readonly Labels[] = [{}]
    for (const label of labels) {
      all = all.flatMap((some) => (known[label] ?? []).map((value) => ({ ...some, [label]: value })))
    }
    for (const each of all) yield [name, each]
  }
  // What cannot be read is of no domain.
  for (const reason of ['invalid', 'too-large']) {
    yield ['inturn.dead_letters', { consumer, domain: '', reason }]
  }
}

// The attributes of labels: those of the messaging conventions where they have one, else in a namespace of
// inturn's own.
import type { Attributes } from '@opentelemetry/api'
import type { MetricLabel, MetricName } from '../../metrics/catalogue.ts'
import type { Labels } from '../../metrics/series.ts'

/** What spans and the metrics of the conventions say of whom they are. */
export const system = { 'messaging.system': 'inturn', 'messaging.operation.name': 'process' } as const

/** The instrumentation scope of all spans and metrics. */
export const scope = 'inturn'

const attributeNames: Readonly<Partial<Record<MetricLabel, string>>> = {
  consumer: 'messaging.consumer.group.name',
  domain: 'messaging.destination.name',
  error: 'error.type',
}

/** The attributes of a metric's labels; empty ones are left out. */
export function labelled(name: MetricName, labels: Labels): Attributes {
  const named = Object.entries(labels).filter(([, value]) => value !== '')
  const attributes = named.map(([label, value]) => [attributeOf(label), value] as const)
  return { ...(name.startsWith('messaging.') && system), ...Object.fromEntries(attributes) }
}

function attributeOf(label: string): string {
  return Object.entries(attributeNames).find(([name]) => name === label)?.[1] ?? `inturn.${label}`
}

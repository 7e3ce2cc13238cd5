// An event as a log keeps it, read back as its user sees it.
import type { LogStream } from '../core/append-errors.ts'
import { InturnError } from '../core/errors.ts'
import type { AppendedEvent, Attributes, LoggedEvent } from '../core/logged-event.ts'
import type { KeptEvent, PlacedEvent } from '../core/plan-append.ts'
import { readText } from './record-text.ts'

/** The event of a stream, as its append tells of it. */
export function appendedEvent({ domain, stream }: LogStream, kept: KeptEvent): AppendedEvent {
  const { sequence, place, id, type, time, appendedAt } = kept
  const data = dataOf(kept.data)
  const event = { domain, stream, epoch: 0, sequence, id, type, time, data, appendedAt }
  const placed = place === undefined ? event : { ...event, place }
  return kept.attributes === undefined ? placed : { ...placed, attributes: attributesOf(kept.attributes) }
}

/** The event of a stream, as it is read. */
export function loggedEvent(stream: LogStream, kept: PlacedEvent): LoggedEvent {
  return { ...appendedEvent(stream, kept), place: kept.place }
}

function dataOf(text: string): unknown {
  const wrapper = readText(text)
  return typeof wrapper === 'object' && wrapper !== null && 'data' in wrapper ? wrapper.data : undefined
}

function attributesOf(text: string): Attributes {
  const attributes = readText(text)
  if (isAttributes(attributes)) return attributes
  throw new InturnError('store-corrupt', `the log has attributes that cannot be read: ${text.slice(0, 200)}`)
}

function isAttributes(value: unknown): value is Attributes {
  if (typeof value !== 'object' || value === null) return false
  return Object.values(value).every((field) => ['string', 'number', 'boolean'].includes(typeof field))
}

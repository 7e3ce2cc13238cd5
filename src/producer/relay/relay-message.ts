// An event of the log as a message for a sink: JSON in one line, from which the default `eventFrom` reads
// exactly the event. Upholds I3: what has no JSON is an error with its name, never another value.
import { InturnError } from '../../core/errors.ts'
import { isFieldName } from '../../core/logged-event.ts'
import type { LoggedEvent } from '../../core/logged-event.ts'
import { errorMessage } from '../../core/thrown.ts'
import type { SinkMessage } from '../../ports/sink.ts'
import { strictJson, toCloudEvent } from '../cloud-event.ts'

/**
 * What a message looks like. `cloudevent`: CloudEvents 1.0 with the extensions `partitionkey` and `sequence`.
 * `plain`: inturn's own names, the attributes as a field. A function: whatever it makes of the event.
 */
export type RelayForm = 'cloudevent' | 'plain' | ((event: LoggedEvent) => object)

/**
 * The message of an event.
 *
 * @throws InturnError `event-invalid` when the event has no JSON (a bigint, or bytes inside of its data)
 */
export function relayMessage(event: LoggedEvent, form: RelayForm): SinkMessage {
  const { domain, stream, sequence, id, type } = event
  const contentType = `application/${form === 'cloudevent' ? 'cloudevents+json; charset=UTF-8' : 'json'}`
  const json = jsonOf(event, form)
  return { domain, stream, sequence, id, type, partitionKey: stream, json, contentType }
}

/** Attributes that would be read as something else than attributes. */
const misleading = new Set(['stream', 'previous', 'fill'])

function bodyOf(event: LoggedEvent, form: RelayForm): object {
  if (typeof form === 'function') return form(event)
  const data = event.data ?? null
  if (form === 'cloudevent') {
    const attributes = Object.entries(event.attributes ?? {}).filter(
      ([name]) => !misleading.has(name) && !isFieldName(name),
    )
    return toCloudEvent({ ...event, data, attributes: Object.fromEntries(attributes) })
  }
  const { domain, stream, sequence, id, type, time, attributes } = event
  const carried =
    data instanceof Uint8Array ? { data_base64: Buffer.from(data).toString('base64') } : { data }
  return {
    domain,
    stream,
    sequence,
    id,
    type,
    time,
    ...(attributes !== undefined && { attributes }),
    ...carried,
  }
}

function jsonOf(event: LoggedEvent, form: RelayForm): string {
  const name = `${event.domain}/${event.stream}, event ${event.sequence}`
  try {
    const json = strictJson(bodyOf(event, form))
    if (json?.startsWith('{') === true) return json
  } catch (cause) {
    const why = errorMessage(cause)
    const message = `${name} has no JSON that can be sent: ${why}. Give the relay a form of its own`
    throw new InturnError('event-invalid', message, { cause })
  }
  throw new InturnError('event-invalid', `${name}: the form of the relay takes a function to an object`)
}

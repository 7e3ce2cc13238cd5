// An event as an entry of the Redis stream that the log is, read back.
import { InturnError } from '../../../core/errors.ts'
import type { PlacedEvent } from '../../../core/plan-append.ts'
import { at, mapIn, textIn } from '../../../redis/reply.ts'

/** An event, and the number by which the log knows its stream. */
export interface LoggedEntry {
  readonly stream: string
  readonly kept: PlacedEvent
}

/** An entry from a script's reply. */
export function keptIn(reply: unknown): LoggedEntry {
  const [place = '', appendedAt = ''] = textIn(at(reply, 0)).split('-')
  const fields = mapIn(at(reply, 1))
  const [stream, sequence, id] = [fields.get('s'), fields.get('n'), fields.get('i')]
  const [type, data] = [fields.get('t'), fields.get('d')]
  if (stream === undefined || sequence === undefined || id === undefined) return unreadable(place)
  if (type === undefined || data === undefined) return unreadable(place)
  const kept: PlacedEvent = {
    place: Number(place),
    sequence: Number(sequence),
    id,
    type,
    time: fields.get('w') ?? new Date(Number(appendedAt)).toISOString(),
    appendedAt: Number(appendedAt),
    attributes: fields.get('a'),
    data,
  }
  return { stream, kept }
}

function unreadable(place: string): never {
  throw new InturnError('store-corrupt', `the log has something at the place ${place} that is no event`)
}

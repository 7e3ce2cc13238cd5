// Held events as they are kept: members of a sorted set whose order is that of their texts. Each begins with
// its place, which sorts like (epoch, sequence), so that a range of numbers is a range of texts.
import { InturnError } from '../../core/errors.ts'
import type { Epoch, Sequence } from '../../core/sequence.ts'
import { sortableText } from '../../core/sequence.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { HeldEvent, HeldRange } from '../../ports/records.ts'
import { readEvent, recordText } from '../../storage/record-text.ts'

/** A place as text that sorts like it. */
export function placeText(epoch: Epoch, sequence: Sequence): string {
  return `${sortableText(epoch)} ${sortableText(sequence)}`
}

/** The bounds of a range, as the server takes them. */
export function boundsOf({ epoch, after, to }: HeldRange): [min: string, max: string] {
  const min = after === null ? `[${sortableText(epoch)} ` : behindPlace(placeText(epoch, after))
  return [min, `(${placeText(epoch, to)}\u0001`]
}

/** The bound behind one place. */
export function behindPlace(place: string): string {
  return `(${place}\u0001`
}

/** Place and text of a held event. */
export function heldParts({ event, print, heldAt }: HeldEvent): [place: string, text: string] {
  return [placeText(event.epoch, event.sequence), `${print} ${heldAt} ${recordText(event)}`]
}

/** A held event, and its place, from a member. */
export function readHeld(stream: StreamPath, member: string): { place: string; held: HeldEvent } {
  const end = member.indexOf('\u0000')
  const [, print, heldAt, text] = textForm.exec(member.slice(end + 1)) ?? []
  if (end < 0 || text === undefined) {
    throw new InturnError('store-corrupt', `the store has a held event of ${stream} that cannot be read`)
  }
  const place = member.slice(0, end)
  return { place, held: { stream, event: readEvent(text), print: Number(print), heldAt: Number(heldAt) } }
}

const textForm = /^(\S+) (\S+) (.*)$/s

// What the script that appends is given, and what its reply means. The rules stand in core/plan-append.ts:
// the script writes only what they certainly allow, and tells what it has found; so they are asked with
// that, and say which numbers the events have, or why nothing was written. Upholds I3 and I9.
import { invariant } from '../../../core/errors.ts'
import type { Appended } from '../../../core/logged-event.ts'
import { planAppend } from '../../../core/plan-append.ts'
import type { KeptEvent, PreparedAppend, StreamKnown } from '../../../core/plan-append.ts'
import { streamPath } from '../../../core/stream-path.ts'
import { loggedEvent } from '../../../ports/logged-text.ts'
import type { RedisArgument } from '../redis-client.ts'
import { at, groupsIn, listIn, numberIn } from '../reply.ts'
import { idDigest } from './id-digest.ts'
import { keptIn } from './logged-entry.ts'

type Argument = RedisArgument | number

/** How much a batch is. */
export function sizeOf(batch: readonly PreparedAppend[]): {
  readonly events: number
  readonly bytes: number
} {
  let [events, bytes] = [0, 0]
  for (const append of batch) {
    events += append.events.length
    for (const { data, attributes = '' } of append.events) {
      bytes += Buffer.byteLength(data) + Buffer.byteLength(attributes)
    }
  }
  return { events, bytes }
}

/** A batch as the script takes it. */
export function appendArguments(batch: readonly PreparedAppend[]): Argument[] {
  const args: Argument[] = [batch.length]
  for (const { domain, stream, expected, events } of batch) {
    const path = streamPath(domain, stream)
    args.push(path, expectedArgument(expected), events.length)
    for (const { id, type, time = '', attributes = '', data } of events) {
      args.push(idDigest(path, id), id, type, time, attributes, data)
    }
  }
  return args
}

/**
 * What a batch came to: its part of the script's reply.
 *
 * @throws what `planAppend` throws where the batch was refused
 */
export function appendedIn(
  batch: readonly PreparedAppend[],
  { reply, now }: { readonly reply: unknown; readonly now: number },
): readonly Appended[] {
  const known = knownIn(reply)
  const plan = planAppend(batch, known)
  invariant((plan.kind === 'append') === (at(reply, 0) === 1), 'a script appends what the rules refuse')
  let place = numberIn(at(reply, 1))
  return batch.map((append, index) => {
    if (plan.kind === 'duplicate') {
      return appended(append, { kept: plan.events[index] ?? [], position: known[index]?.head ?? 0 }, true)
    }
    const kept = numbered(append, { first: plan.firsts[index] ?? 1, place, now })
    place += kept.length
    return appended(append, { kept, position: (plan.firsts[index] ?? 1) + kept.length - 1 }, false)
  })
}

function expectedArgument(expected: PreparedAppend['expected']): Argument {
  if (expected === 'any') return ''
  return expected === 'none' ? 0 : expected
}

function knownIn(reply: unknown): readonly StreamKnown[] {
  const known = listIn(at(reply, 2)).map((head) => ({
    head: numberIn(head),
    byId: new Map<string, KeptEvent>(),
  }))
  for (const [entry, found] of groupsIn(at(reply, 3), 2)) {
    const { kept } = keptIn(found)
    known[numberIn(entry) - 1]?.byId.set(kept.id, kept)
  }
  return known
}

function numbered(
  { events }: PreparedAppend,
  { first, place, now }: { readonly first: number; readonly place: number; readonly now: number },
): readonly KeptEvent[] {
  const time = new Date(now).toISOString()
  return events.map((event, index) => ({
    ...event,
    time: event.time ?? time,
    sequence: first + index,
    place: place + index + 1,
    appendedAt: now,
  }))
}

function appended(
  { domain, stream }: PreparedAppend,
  { kept, position }: { readonly kept: readonly KeptEvent[]; readonly position: number },
  duplicate: boolean,
): Appended {
  const events = kept.map((event) => loggedEvent({ domain, stream }, event))
  return { domain, stream, duplicate, events, position }
}

// Checks events before they are appended, and makes them what a log keeps: every event log does it, before
// its transaction begins. Upholds I7: what is too large or cannot be read back never gets a number.
import { InturnError } from '../core/errors.ts'
import { keepable } from '../core/keepable.ts'
import { attributeProblem } from '../core/logged-event.ts'
import type { Attributes, NewEvent, StreamAppend } from '../core/logged-event.ts'
import type { PreparedAppend, PreparedEvent } from '../core/plan-append.ts'
import { streamBytesDefault } from '../core/stream-path.ts'
import { checkCounts } from '../core/whole-number.ts'
import type { AppendLimits } from '../ports/event-log.ts'
import { askSchema, checkSchemas } from '../ports/standard-schema.ts'
import type { StandardSchema } from '../ports/standard-schema.ts'
import { recordText } from './record-text.ts'

/** Every limit, for the check of a log's options. */
export const limitNames: readonly (keyof AppendLimits)[] = [
  'appendMax',
  'eventBytesMax',
  'streamBytesMax',
  'schemas',
]

const defaults = {
  appendMax: 10_000,
  eventBytesMax: 1_000_000,
  streamBytesMax: streamBytesDefault,
  schemas: {},
}

/** Checks the limits themselves. @throws InturnError `config-invalid` */
export function checkLimits(name: string, limits: AppendLimits): void {
  const { appendMax = 1, eventBytesMax = 1, streamBytesMax = 1, schemas } = limits
  checkCounts(name, { appendMax, eventBytesMax, streamBytesMax })
  checkSchemas(`${name}: schemas`, schemas)
}

/**
 * Checks a batch and makes it what a log keeps.
 *
 * @throws InturnError `event-invalid`, with what is wrong and where; `id-conflict` for an id twice in a
 * stream
 */
export async function prepareAppends(
  appends: readonly StreamAppend[],
  limits: AppendLimits,
): Promise<readonly PreparedAppend[]> {
  const all = { ...defaults, ...limits }
  for (const append of appends) {
    if (!Array.isArray(append.events)) throw invalid('an append takes a list of events')
  }
  const count = appends.reduce((sum, { events }) => sum + events.length, 0)
  if (count > all.appendMax) throw invalid(`an append takes at most ${all.appendMax} events, not ${count}`)
  checkIds(appends)
  const prepared: PreparedAppend[] = []
  for (const { domain, stream, events, expected = 'any' } of appends) {
    const where = `${domain}/${stream}`
    checkText(domain, `${where}: domain`, all.streamBytesMax)
    checkText(stream, `${where}: stream`, all.streamBytesMax)
    const isPosition = expected === 'any' || expected === 'none' || isCount(expected)
    if (!isPosition) throw invalid(`${where}: expected takes a position, 'none' or 'any', not ${expected}`)
    const own: PreparedEvent[] = []
    for (const event of events) own.push(await prepareEvent(event, where, all))
    prepared.push({ domain, stream, expected, events: own })
  }
  return prepared
}

async function prepareEvent(
  event: NewEvent,
  stream: string,
  limits: Required<AppendLimits>,
): Promise<PreparedEvent> {
  const { id, type, time, attributes, data } = event
  checkText(id, `${stream}: an event's id`, limits.streamBytesMax)
  const where = `${stream}: event ${id}`
  checkText(type, `${where}: type`, limits.streamBytesMax)
  if (time !== undefined && (typeof time !== 'string' || Number.isNaN(Date.parse(time)))) {
    throw invalid(`${where}: time takes a text like 2026-01-31T12:00:00Z, not ${JSON.stringify(time)}`)
  }
  const kept = keepable(data, limits.eventBytesMax)
  if ('problem' in kept) throw invalid(`${where}: its data cannot be kept: ${kept.problem}`)
  const schema = [type, '*'].flatMap((name) => ownSchema(limits.schemas, name))[0]
  const answer = schema === undefined ? undefined : await askSchema(schema, kept.value)
  if (answer !== undefined && 'problem' in answer)
    throw invalid(`${where}: its data is no ${type}: ${answer.problem}`)
  const text = recordText({ data: kept.value })
  const own = attributesText(attributes, where)
  if (Buffer.byteLength(text) + Buffer.byteLength(own ?? '') > limits.eventBytesMax + wrapperBytes) {
    throw invalid(`${where}: its data and attributes have more than ${limits.eventBytesMax} bytes`)
  }
  return { id, type, time, attributes: own, data: text }
}

function ownSchema(schemas: Required<AppendLimits>['schemas'], type: string): StandardSchema[] {
  const schema = Object.hasOwn(schemas, type) ? schemas[type] : undefined
  return schema === undefined ? [] : [schema]
}

const wrapperBytes = '{"data":}'.length

function attributesText(attributes: Attributes | undefined, where: string): string | undefined {
  if (attributes === undefined) return undefined
  for (const [name, value] of Object.entries(attributes)) {
    const problem = attributeProblem(name, value)
    if (problem !== undefined) throw invalid(`${where}: ${problem}`)
  }
  return recordText(attributes)
}

function checkIds(appends: readonly StreamAppend[]): void {
  const seen = new Map<string, Set<string>>()
  for (const { domain, stream, events } of appends) {
    const key = JSON.stringify([domain, stream])
    const ids = seen.get(key) ?? new Set()
    seen.set(key, ids)
    for (const { id } of events) {
      if (!ids.has(id)) ids.add(id)
      else throw new InturnError('id-conflict', `${domain}/${stream}: the id ${id} is twice in one append`)
    }
  }
}

function checkText(text: string, what: string, bytesMax: number): void {
  if (typeof text !== 'string' || text === '') throw invalid(`${what} takes a text that is not empty`)
  if (!text.isWellFormed()) throw invalid(`${what} is no well-formed Unicode`)
  if (Buffer.byteLength(text) > bytesMax) throw invalid(`${what} has more than ${bytesMax} bytes`)
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function invalid(message: string): InturnError {
  return new InturnError('event-invalid', message)
}

/** What begins to be written once it was checked; the promise in it is not waited for. */
export interface Begun<Written> {
  readonly written: Promise<Written>
}

/**
 * Lets appends of one log object go on in the order of their calls, although checking one may take longer
 * than checking the next: a schema may wait. Upholds I1 where a program does not await each append.
 */
export class AppendOrder {
  #last: Promise<unknown> = Promise.resolve()

  /** Begins to write what was checked, once everything that was called before has begun or failed. */
  async run<Checked, Written>(
    checked: Promise<Checked>,
    begin: (checked: Checked) => Promise<Begun<Written>>,
  ): Promise<Written> {
    const before = this.#last
    const begun = Promise.all([checked, before]).then(([own]) => begin(own))
    // The next one waits for those before this one too, also where this one fails its check early.
    this.#last = Promise.allSettled([begun, before]).then(() => undefined)
    return (await begun).written
  }
}

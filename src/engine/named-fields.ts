// The fields that a domain names: `fields: { stream: 'order_id' }`. What it does not name is read by the
// mapping of the envelope.
import { checkNames, givenText } from '../core/check-names.ts'
import { InturnError } from '../core/errors.ts'
import { defaultNames, eventFrom, isNullUnset, streamNames, tornNumbers } from '../core/event-from.ts'
import type { EventFields, EventFrom } from '../core/event-from.ts'
import { pathKeys } from '../core/field-path.ts'
import { isRecord } from '../core/parse-message.ts'
import type { ReadMessage } from '../core/parse-message.ts'
import type { FieldNames, NamedField } from './domain-options.ts'

/** The way to each field that is named. */
export type FieldPaths = ReadonlyMap<NamedField, FieldPath>

/** A field by its name, and by the parts of that. */
interface FieldPath {
  readonly name: string
  readonly parts: readonly string[]
}

/** From which fields a domain reads its events. */
export interface FieldsRead {
  readonly stream: string
  readonly sequence: string
}

const named = ['stream', 'sequence', 'epoch', 'previous', 'id', 'type', 'time', 'data'] satisfies NamedField[]

/** Checks the names and takes them apart. @throws InturnError `config-invalid` */
export function resolveFields(option: string, fields: FieldNames | undefined): FieldPaths | undefined {
  if (fields === undefined) return undefined
  checkNames(fields, option, named)
  const paths = new Map<NamedField, FieldPath>()
  for (const field of named) {
    const name = fields[field]
    if (name === undefined) continue
    if (typeof name !== 'string' || name === '') {
      const takes = "takes the name of a field of the messages, like 'order_id' or 'order.id'"
      throw new InturnError('config-invalid', `${option}.${field} ${takes}, not ${givenText(name)}`)
    }
    paths.set(field, { name, parts: pathKeys(name) })
  }
  return paths
}

/** The fields of a message as a domain names them. */
export function namedFields(paths: FieldPaths | undefined, read: ReadMessage): ReadMessage {
  if (paths === undefined) return read
  const { fields, record } = read
  const valueOf = (field: NamedField): unknown => {
    const path = paths.get(field)
    if (path === undefined) return fields[field]
    const value = valueAt(record, path)
    return value === null && isNullUnset(record, field) ? undefined : value
  }
  const { dataProblem, streamProblem, problem } = fields
  const own: EventFields = {
    domain: fields.domain,
    stream: valueOf('stream'),
    sequence: valueOf('sequence'),
    epoch: valueOf('epoch'),
    previous: valueOf('previous'),
    fill: fields.fill,
    ...(problem !== undefined && !(problem === tornNumbers && paths.has('sequence')) && { problem }),
    ...(streamProblem !== undefined && !paths.has('stream') && { streamProblem }),
    ...(dataProblem !== undefined && !paths.has('data') && { dataProblem }),
    // A mapping's getters may throw, and are asked where that is met.
    get id() {
      return valueOf('id')
    },
    get type() {
      return valueOf('type')
    },
    get time() {
      return valueOf('time')
    },
    get data() {
      return valueOf('data')
    },
  }
  return { ...read, fields: own }
}

/** The mapping of a domain, for whoever looks for its events in messages. */
export function namedMapping(paths: FieldPaths, mapping: EventFrom): EventFrom {
  return (record) => namedFields(paths, { fields: mapping(record), record, hasExactNumbers: false }).fields
}

/** The value of a field: of its whole name, or along its parts. */
function valueAt(record: Readonly<Record<string, unknown>>, { name, parts }: FieldPath): unknown {
  if (parts.length === 1 || Object.hasOwn(record, name)) return record[name]
  return parts.reduce<unknown>((value, part) => (isRecord(value) ? value[part] : undefined), record)
}

/** Where a domain reads from, told of its first event. */
export function fieldsRead(
  paths: FieldPaths | undefined,
  record: Readonly<Record<string, unknown>>,
  mapping: EventFrom,
): FieldsRead {
  const found: Partial<FieldsRead> = mapping === eventFrom ? namesIn(record) : {}
  const nameOf = (field: keyof FieldsRead): string => paths?.get(field)?.name ?? found[field] ?? 'eventFrom'
  return { stream: nameOf('stream'), sequence: nameOf('sequence') }
}

function namesIn(record: Readonly<Record<string, unknown>>): FieldsRead {
  const { stream = '', sequence = '' } = defaultNames(record)
  return { stream, sequence }
}

/** Why an event has no stream: what was looked for. */
export function noStream(paths: FieldPaths | undefined, mapping: EventFrom): string {
  const path = paths?.get('stream')
  const what = 'the event names no stream'
  if (path !== undefined) return `${what}: it has no ${path.name}`
  if (mapping !== eventFrom) return `${what}: its eventFrom gives none`
  const order = "name it in its domain, fields: { stream: 'order_id' }"
  return `${what}: it has none of ${streamNames.join(', ')}; ${order}`
}

// Reads a line of NDJSON with JSON.parse: the reference that the byte scanner must agree with, and the way
// for every line that the scanner leaves alone.
import { pathKeys } from '../core/field-path.ts'
import { withoutMark } from '../core/parse-message.ts'
import { NumberText } from './exact-integer.ts'
import { isRecord, lineContent, valueAt } from './line-content.ts'
import type { RecordedFields } from './recorded-fields.ts'
import type { LineContent } from './recorded-line.ts'

/** Texts in which a number may stand whose JavaScript value does not print as it is written. */
const oddNumber = /[0-9]{16}|[0-9][.eE]|-0/

/** A reader of lines for these fields. */
export function jsonLineReader(fields: RecordedFields): (text: string) => LineContent {
  const pathOf = (path: string | undefined): readonly string[] | undefined =>
    path === undefined ? path : pathKeys(path)
  const stream = fields.stream.map(pathKeys)
  const paths = {
    sequence: pathKeys(fields.sequence),
    epoch: pathOf(fields.epoch),
    id: pathOf(fields.id),
    previous: pathOf(fields.previous),
    arrival: pathOf(fields.arrival),
  }
  return (text) => {
    const line = parseExactly(withoutMark(text))
    if (line === undefined) return { kind: 'invalid', reason: 'not-json' }
    if (!isRecord(line)) return { kind: 'invalid', reason: 'not-an-object' }
    const at = (path: readonly string[] | undefined): unknown => path && valueAt(line, path)
    const values = {
      stream: stream.map(at),
      sequence: at(paths.sequence),
      epoch: at(paths.epoch),
      id: at(paths.id),
      previous: at(paths.previous),
      arrival: at(paths.arrival),
      fill: at(['fill']),
    }
    return lineContent(values, fields)
  }
}

/** The parsed text, numbers as their texts where the value could differ; `undefined` if it is no JSON. */
function parseExactly(text: string): unknown {
  try {
    if (!oddNumber.test(text)) return JSON.parse(text)
    return JSON.parse(text, withNumberTexts)
  } catch {
    return undefined
  }
}

/** A reviver with source text access (ES2026), unknown to the compiler yet: hence the rest parameter. */
function withNumberTexts(_key: string, value: unknown, ...context: { readonly source?: string }[]): unknown {
  const source = context[0]?.source
  return typeof value === 'number' && source !== undefined ? new NumberText(source) : value
}

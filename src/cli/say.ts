// All that is said on standard error, one line each: what a command does, its warnings, and its failure. The
// stack of a failure is for INTURN_DEBUG only.
import { InturnError } from '../core/errors.ts'
import type { ErrorCode } from '../core/errors.ts'
import {
  asError,
  errorClass,
  errorCode,
  errorMessage,
  errorText,
  fieldOf,
  stackLines,
} from '../core/thrown.ts'
import { withoutCredentials } from '../core/without-credentials.ts'
import type { LogLine } from '../ports/log.ts'
import { plain, textOfLine } from '../ports/log.ts'
import { printable, printableLines } from './printable.ts'

const wrongUsage: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['usage', 'input-unreadable', 'config-invalid'])

/** The name under which adaptors warn, through `process.emitWarning`. */
const warningName = 'InturnWarning'

let isJson = false

/** From here on every line is one of JSON: `level`, `time`, `msg`, what it is about, `err`. */
export function sayJson(): void {
  isJson = true
}

/** Says a line, where a line of progress may stand. */
export function say(text: string, level: LogLine['level'] = 'info'): void {
  sayLine({ level, text, fields: {} })
}

/** Says a line of a log, with the stack of what failed below. */
export function sayLine(line: LogLine): void {
  if (isJson) {
    console.error(printableLines(jsonOf(line)))
    return
  }
  const [first, ...below] = textOfLine(line)
  sayPlainly(`inturn: ${first}`)
  for (const text of below) sayPlainly(text)
}

function jsonOf({ level, text, fields, error }: LogLine): string {
  const err = error && {
    type: errorClass(error),
    ...(errorCode(error) !== '' && { code: errorCode(error) }),
    message: errorMessage(error),
    stack: [errorText(error), ...stackLines(error, stackMax).map((frame) => `    ${frame}`)].join('\n'),
  }
  const said = { level, time: new Date().toISOString(), msg: withoutCredentials(text), ...plain(fields) }
  return JSON.stringify({ ...said, ...(err !== undefined && { err }) })
}

const stackMax = 20

/** The same without the name of the program. */
export function sayPlainly(text: string): void {
  console.error(`${process.stderr.isTTY ? '\r\u001b[2K' : ''}${printable(withoutCredentials(text))}`)
}

/** Says a failure; the exit code is 2 for wrong usage and unreadable input, else 1. */
export function sayError(error: unknown): 1 | 2 {
  if (isJson) sayLine({ level: 'error', text: errorMessage(error), fields: {}, error: asError(error) })
  else say(errorMessage(error))
  if (!isJson && process.env['INTURN_DEBUG'] !== undefined) {
    console.error(printableLines(errorMessage(fieldOf(error, 'stack') ?? '')))
  }
  return error instanceof InturnError && wrongUsage.has(error.code) ? 2 : 1
}

/** From here on inturn's own warnings are said as all else; those of others stay as node prints them. */
export function sayWarnings(): void {
  const others = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', (warning) => {
    if (warning.name === warningName) say(`warning: ${warning.message}`, 'warn')
    else for (const tell of others) tell.call(process, warning)
  })
}

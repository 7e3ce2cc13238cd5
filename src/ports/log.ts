// Where failures are heard: a logger of its user's, or standard error. Upholds I7 with whoever makes the
// lines: what stands in one is clipped.
import { givenText } from '../core/check-names.ts'
import { InturnError } from '../core/errors.ts'
import { atOnce, errorMessage, errorText, stackLines } from '../core/thrown.ts'

/** A line of a log. */
export interface LogLine {
  /** `info`: good news, for those who watch; no logger gets them. */
  readonly level: 'info' | 'warn' | 'error'
  readonly text: string
  /** What it is about, value by value. */
  readonly fields: Readonly<Record<string, unknown>>
  /** What failed: told behind the text, with its stack below. */
  readonly error?: Error
  /** The stack was told before. */
  readonly isBrief?: boolean
}

/**
 * A logger: pino, bunyan, winston, `console`, or anything else with these two. It is called with a text and,
 * where something failed, the error itself; pino and bunyan, which take fields first, with
 * `{ err, kind, stream, ... }` and the text.
 */
export interface Log {
  warn(first: unknown, ...more: unknown[]): void
  error(first: unknown, ...more: unknown[]): void
}

/** What is said of an error behind a text. */
export function errorTail(error: Error): string {
  return error instanceof InturnError ? errorMessage(error) : errorText(error)
}

/** How many calls of a stack are told. */
const framesMax = 20

/** A line as text, with the stack of what failed below. */
export function textOfLine({ text, error, isBrief = false }: LogLine): readonly string[] {
  if (error === undefined) return [text]
  const stack = isBrief ? [] : stackLines(error, framesMax)
  return [`${text}: ${errorTail(error)}`, ...stack.map((line) => `    ${line}`)]
}

/** Gives lines to a logger. What it throws is its own affair. */
export function lineTo(log: Log): (line: LogLine) => void {
  const takesFields = hasMethod(log, 'bindings') || hasMethod(log, 'addSerializers')
  return ({ level, text, fields, error }) => {
    if (level === 'info') return
    const said = `inturn: ${text}`
    const failed = error === undefined ? [] : [error]
    const told = takesFields
      ? [{ ...plain(fields), ...(error !== undefined && { err: error }) }, said]
      : [said, ...failed]
    try {
      atOnce<unknown>(Reflect.apply(log[level], log, told))
    } catch {
      // Watching must not disturb.
    }
  }
}

/** Fields that every logger can write. */
export function plain(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const values = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(
    values.map(([name, value]) => [name, typeof value === 'bigint' ? String(value) : value]),
  )
}

/** Says lines on standard error, where nobody has named another place. */
function lineToStandardError(line: LogLine): void {
  if (line.level === 'info') return
  const [first = '', ...below] = textOfLine(line)
  process.stderr.write(`${[`inturn: ${oneLine(first)}`, ...below.map(oneLine)].join('\n')}\n`)
}

/** Nothing that comes from data moves the cursor of a terminal, or makes a line two. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0
    return character === '\n' ? '\\n' : `\\u${code.toString(16).padStart(4, '0')}`
  })
}

/**
 * Says lines where a user wants them: by a logger, by default on standard error, nowhere for `false`.
 *
 * @throws InturnError `config-invalid` for what is no logger
 */
export function sayTo(log: Log | false | undefined, option = 'log'): ((line: LogLine) => void) | undefined {
  if (log === false) return undefined
  if (log === undefined) return lineToStandardError
  if (isLog(log)) return lineTo(log)
  const takes = `${option} takes a logger with warn and error, for example console, or false`
  throw new InturnError('config-invalid', `${takes}; not ${givenText(log)}`)
}

function isLog(log: unknown): boolean {
  if (typeof log !== 'object' && typeof log !== 'function') return false
  if (log === null) return false
  return typeof Reflect.get(log, 'warn') === 'function' && typeof Reflect.get(log, 'error') === 'function'
}

function hasMethod(log: Log, name: string): boolean {
  return typeof Reflect.get(log, name) === 'function'
}

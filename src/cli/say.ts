// All that is said on standard error, one line each: what a command does, its warnings, and its failure. The
// stack of a failure is for INTURN_DEBUG only.
import { InturnError } from '../core/errors.ts'
import type { ErrorCode } from '../core/errors.ts'
import { errorMessage, fieldOf } from '../core/thrown.ts'
import { withoutCredentials } from '../core/without-credentials.ts'
import { printable, printableLines } from './printable.ts'

const wrongUsage: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['usage', 'input-unreadable', 'config-invalid'])

/** The name under which adaptors warn, through `process.emitWarning`. */
const warningName = 'InturnWarning'

/** Says a line, where a line of progress may stand. */
export function say(text: string): void {
  sayPlainly(`inturn: ${text}`)
}

/** The same without the name of the program. */
export function sayPlainly(text: string): void {
  console.error(`${process.stderr.isTTY ? '\r\u001b[2K' : ''}${printable(withoutCredentials(text))}`)
}

/** Says a failure; the exit code is 2 for wrong usage and unreadable input, else 1. */
export function sayError(error: unknown): 1 | 2 {
  say(errorMessage(error))
  if (process.env['INTURN_DEBUG'] !== undefined) {
    console.error(printableLines(errorMessage(fieldOf(error, 'stack') ?? '')))
  }
  return error instanceof InturnError && wrongUsage.has(error.code) ? 2 : 1
}

/** From here on inturn's own warnings are said as all else; those of others stay as node prints them. */
export function sayWarnings(): void {
  const others = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', (warning) => {
    if (warning.name === warningName) say(`warning: ${warning.message}`)
    else for (const tell of others) tell.call(process, warning)
  })
}

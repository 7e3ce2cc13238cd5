// What was caught, in words. A user's code may throw anything: an object without a prototype, a proxy that is
// revoked, an error whose message is a getter that throws. Whatever it is, asking it throws nothing and
// answers within a limit, so that one bad value stops one event and not its worker. Upholds I6 and I7.

import { withoutCredentials } from './without-credentials.ts'

/** How much of an error is kept in states and dead letters, in characters. */
const textMax = 500

/** How long one error's message may be inside another's, or on a terminal, in characters. */
const messageMax = 8_000

/** A password that begins within the limit is left out whole. */
const credentialsMax = 2_000

/** What `instanceof` says; `false` for what cannot be asked. */
export function isInstance<Type>(
  thrown: unknown,
  type: abstract new (...parameters: never[]) => Type,
): thrown is Type {
  try {
    return thrown instanceof type
  } catch {
    return false
  }
}

/**
 * What a function of a user gives that has to answer at once. A promise is no answer; if one is rejected, it
 * is nobody's to hear, which would end the process.
 */
export function atOnce<Answer>(answer: Answer): Answer {
  if (!isInstance(answer, Promise)) return answer
  answer.catch(() => undefined)
  throw new Error('it gave a promise, and has to answer at once')
}

/** A field of what was caught; `undefined` where there is none, or it cannot be read. */
export function fieldOf(thrown: unknown, name: string): unknown {
  if ((typeof thrown !== 'object' && typeof thrown !== 'function') || thrown === null) return undefined
  try {
    return Reflect.get(thrown, name)
  } catch {
    return undefined
  }
}

/** An error in a few words, its name in front: for states, dead letters and telemetry. */
export function errorText(thrown: unknown): string {
  const message = messageOf(thrown, textMax)
  if (!isInstance(thrown, Error)) return message
  return clipped(`${wordsOf(fieldOf(thrown, 'name'), textMax)}: ${message}`, textMax)
}

/** What an error says, without its name: to be said inside another error, or on a terminal. */
export function errorMessage(thrown: unknown): string {
  return messageOf(thrown, messageMax)
}

/** What was caught, as an error: itself, or one that says it and has it as its cause. */
export function asError(thrown: unknown): Error {
  return isInstance(thrown, Error) ? thrown : new Error(errorText(thrown), { cause: thrown })
}

/** How many lines of a stack are kept in states and dead letters. */
const keptLinesMax = 8

/** The first lines of an error's stack, kept beside its {@link errorText}; nothing where it has none. */
export function keptStack(thrown: unknown): { readonly stack?: string } {
  const lines = stackLines(thrown, keptLinesMax)
  return lines.length === 0 ? {} : { stack: lines.join('\n') }
}

/** The calls that an error came through, without its message; then its causes, each with its own. */
export function stackLines(thrown: unknown, most: number): readonly string[] {
  const lines: string[] = []
  let error = thrown
  for (let depth = 0; depth < causesMax && isInstance(error, Error); depth++) {
    if (depth > 0) lines.push(`caused by ${errorText(error)}`.replaceAll(/\s+/g, ' '))
    const own = depth === 0 ? most : Math.max(2, Math.floor(most / 2))
    lines.push(...framesOf(error).slice(0, own))
    error = fieldOf(error, 'cause')
  }
  return lines.slice(0, 2 * most)
}

const causesMax = 4
const frameMax = 300

function framesOf(error: Error): readonly string[] {
  const stack = fieldOf(error, 'stack')
  if (typeof stack !== 'string') return []
  const lines = stack.slice(0, messageMax + credentialsMax).split('\n')
  return lines.filter((line) => /^\s+at /.test(line)).map((line) => wordsOf(line.trim(), frameMax))
}

/** The `code` that systems and clients give their errors; empty where there is none. */
export function errorCode(thrown: unknown): string {
  const code = fieldOf(thrown, 'code')
  return typeof code === 'string' ? code : ''
}

/** The name of the class of an error; empty where that cannot be told. */
export function errorClass(thrown: unknown): string {
  const name = fieldOf(fieldOf(thrown, 'constructor'), 'name')
  return typeof name === 'string' ? name : ''
}

function messageOf(thrown: unknown, most: number): string {
  return wordsOf(fieldOf(thrown, 'message') ?? thrown, most)
}

function wordsOf(value: unknown, most: number): string {
  try {
    // A list is named and not told: its text may be longer than there is memory for.
    const isList = Array.isArray(value) || ArrayBuffer.isView(value)
    const words = isList ? Object.prototype.toString.call(value) : String(value)
    return clipped(withoutCredentials(words.slice(0, most + credentialsMax)), most)
  } catch {
    return '(what was thrown has no text)'
  }
}

/** The beginning of a text, without half a character at its end. */
function clipped(text: string, most: number): string {
  return text.slice(0, most).toWellFormed()
}

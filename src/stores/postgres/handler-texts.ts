// What is known of the statements of handlers by their texts, of which there are few: each is read once, and
// the server keeps the plans of those that come again while handlers run at once. Upholds I7.
import { createHash } from 'node:crypto'

const blank = /(?:[\s;]+|--[^\n\r]*)*/y
const commentMark = /\/\*|\*\//g
const ending = /^(?:begin|start\s+transaction|commit|end|abort|prepare\s+transaction|rollback)\b/i
/** The rows of these are no answers; the server would wait for them, and for nothing else, without end. */
const copying = /^copy\b[^]*\b(?:from\s+stdin|to\s+stdout)\b/i
const toSavepoint = /^rollback\s+(?:(?:work|transaction)\s+)?to\b/i

/**
 * What must have the transaction for itself until it has done: statements of others between it and the next
 * would be undone with it, or be under its settings, and locks keep out other transactions only.
 */
const lonely = new RegExp(
  [
    /^(?:savepoint|release|rollback|set|reset|declare|fetch|move|close|lock|prepare|execute|discard)\b/,
    /^create\s+(?:(?:global|local)\s+)?temp/,
    /\bfor\s+(?:no\s+key\s+update|update|share|key\s+share)\b/,
    /\bset_config\s*\(|\bpg_(?:try_)?advisory_/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'i',
)

/**
 * What stays with the connection after the transaction: settings that are not `LOCAL`, names, locks. Who has
 * the connection next would work under it, or meet it.
 */
const lasting = new RegExp(
  [
    /^set\s+(?!local\b|constraints\b|transaction\b)/,
    /^(?:prepare|deallocate|listen)\b/,
    /^declare\b[^]*\bwith\s+hold\b/,
    /^create\s+(?:(?:global|local)\s+)?temp(?![^]*\bon\s+commit\s+drop\b)/,
    /\bset_config\s*\((?![^()]*,\s*true\s*\))/,
    /\bpg_(?:try_)?advisory_lock/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'i',
)

/** Texts with values in them come once each; the server keeps names for as long as a connection lasts. */
const textsMax = 1_000
const namesMax = 100

/** What is known of a statement. */
interface KnownText {
  /** Why a handler may not run it, if so. */
  readonly refusal: string | undefined
  /** It needs the transaction for itself. */
  readonly isLonely: boolean
  /** It leaves something with the connection. */
  readonly isLasting: boolean
  name: string | undefined
}

/** The texts of handlers' statements, as far as they are remembered. */
export class HandlerTexts {
  readonly #texts = new Map<string, KnownText>()
  #named = 0

  /** What is known of a text. */
  read(text: string): KnownText {
    return this.#texts.get(text) ?? this.#add(text)
  }

  /** The name of a statement that comes again; there are never more than some for a connection. */
  nameOf(text: string): string | undefined {
    const known = this.#texts.get(text)
    if (known === undefined) {
      this.#add(text)
      return undefined
    }
    if (known.name === undefined && this.#named < namesMax) {
      const digest = createHash('sha256').update(text).digest('hex').slice(0, 32)
      known.name = `inturn_${digest}_${++this.#named}`
    }
    return known.name
  }

  /** The plan of a statement may be one of tables that have changed since: it gets another name. */
  forget(text: string): void {
    this.#texts.delete(text)
  }

  #add(text: string): KnownText {
    if (this.#texts.size >= textsMax) this.#texts.clear()
    const first = firstOf(text)
    const known = {
      refusal: refusalOf(first),
      isLonely: lonely.test(first),
      isLasting: lasting.test(first),
      name: undefined,
    }
    this.#texts.set(text, known)
    return known
  }
}

function refusalOf(first: string): string | undefined {
  const what = `a handler may not run: ${first.slice(0, 60)}`
  if (ending.test(first) && !toSavepoint.test(first))
    return `${what}; use SAVEPOINT and ROLLBACK TO within its transaction`
  return copying.test(first) ? `${what}; write lists with INSERT ... SELECT ... FROM unnest(...)` : undefined
}

/** A text behind the blanks and comments that it begins with. In SQL a comment may have others in it. */
function firstOf(text: string): string {
  let at = 0
  for (;;) {
    blank.lastIndex = at
    at += blank.exec(text)?.[0].length ?? 0
    if (!text.startsWith('/*', at)) return text.slice(at)
    at = endOfComment(text, at)
  }
}

function endOfComment(text: string, start: number): number {
  let depth = 0
  commentMark.lastIndex = start
  for (let mark = commentMark.exec(text); mark !== null; mark = commentMark.exec(text)) {
    depth += mark[0] === '/*' ? 1 : -1
    if (depth === 0) return commentMark.lastIndex
  }
  return text.length
}

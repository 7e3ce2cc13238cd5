// Cuts an answer into the texts of its events: the elements of a JSON array, or the lines of NDJSON. Each
// stays the text that it was, so that no number in it is rounded.

const bracketOpen = 0x5b
const bracketClose = 0x5d
const braceOpen = 0x7b
const braceClose = 0x7d
const quote = 0x22
const backslash = 0x5c
const comma = 0x2c

/** The texts of the events in an answer; `undefined` when it is neither form, or ends in the middle. */
export function splitEvents(text: string): readonly string[] | undefined {
  const body = text.trim()
  if (body.startsWith('[')) return splitArray(body)
  return body.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]))
}

function splitArray(body: string): readonly string[] | undefined {
  const elements: string[] = []
  let depth = 0
  let start = 1
  for (let at = 0; at < body.length; at++) {
    const unit = body.charCodeAt(at)
    if (unit === quote) at = endOfText(body, at)
    else if (unit === bracketOpen || unit === braceOpen) depth++
    else if (unit === bracketClose || unit === braceClose) depth--
    const isEnd = depth === 0
    if (!isEnd && !(depth === 1 && unit === comma)) continue
    const element = body.slice(start, at).trim()
    const isEmpty = isEnd && elements.length === 0 && element === ''
    if (!isEmpty) elements.push(element)
    start = at + 1
    if (isEnd) return at === body.length - 1 ? elements : undefined
  }
  return undefined
}

/** Where a text in quotes ends. */
function endOfText(body: string, from: number): number {
  for (let at = from + 1; at < body.length; at++) {
    const unit = body.charCodeAt(at)
    if (unit === backslash) at++
    else if (unit === quote) return at
  }
  return body.length
}

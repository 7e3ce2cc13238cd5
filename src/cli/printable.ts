// Text as it may stand on a terminal: without the characters that would move its cursor, change its
// colours or turn its lines round.

const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** A text without control characters: each is written as its code. */
export function printable(text: string): string {
  return text.replaceAll(unprintable, (character) => {
    if (character === '\n') return '\\n'
    if (character === '\t') return '\\t'
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
  })
}

/** A text of at most so many characters. */
export function shortened(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 3)}...`
}

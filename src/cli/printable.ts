// Text as it may stand on a terminal: without the characters that move its cursor, change its colours, turn
// its lines round, or are not seen.

const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu
const kept = /\r\n|[\n\t]|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

/** A text on one line, without control characters: each is written as its code. */
export function printable(text: string): string {
  return text.replaceAll(unprintable, (character) => {
    if (character === '\n') return '\\n'
    return character === '\t' ? '\\t' : codeOf(character)
  })
}

/** The same for whole lines, whose ends stay. What it makes of JSON is JSON of the same value. */
export function printableLines(text: string): string {
  return text.replaceAll(kept, (character) => (/[\n\t]/.test(character) ? character : codeOf(character)))
}

/** As JSON and JavaScript write it. */
function codeOf(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}

/** A text of at most so many characters. */
export function shortened(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text
  return `${text.slice(0, charsMax - 3).replace(/[\uD800-\uDBFF]$/, '')}...`
}

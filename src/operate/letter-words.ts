// What an explanation says of dead letters: those that bear a missing number, and those that were refused for
// what they carry.
import type { Explanation } from './explain.ts'
import type { LetterNote } from './stream-letters.ts'

const shownMax = 5

/** The missing numbers that did come. */
export function missingLetterWords({ missingLetters }: Explanation): readonly string[] {
  const lines = missingLetters
    .slice(0, shownMax)
    .map((letter) =>
      letter.reason === 'overflow'
        ? `  ${numberOf(letter)} came, and waits to be taken back (overflow)`
        : `  ${numberOf(letter)} came, and is a dead letter (${letter.reason}): ${letter.detail}`,
    )
  const more = missingLetters.length - lines.length
  return more > 0 ? [...lines, `  ... and ${more} more of them are dead letters`] : lines
}

/** What was wrong with those that were refused, the newest last. */
export function refusedLetterWords(letters: readonly LetterNote[]): readonly string[] {
  const shown = letters.slice(-shownMax)
  const lines = shown.map((letter) => `  ${numberOf(letter)} was refused. ${letter.detail}`)
  return letters.length > shown.length ? ['  the newest of the reason schema:', ...lines] : lines
}

function numberOf({ epoch, sequence }: LetterNote): string {
  return epoch === 0 ? String(sequence) : `${sequence} of epoch ${epoch}`
}

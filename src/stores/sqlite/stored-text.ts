// Ids and keys as SQLite can keep them. JavaScript's texts may have halves of a surrogate pair, which UTF-8
// has not; kept as they are, two different ids would become the same. Upholds I3.

const escaped = '\u0001'

/** A text that SQLite keeps without loss; different for different texts. */
export function storedText(text: string): string {
  return text.isWellFormed() && !text.startsWith(escaped) ? text : escaped + JSON.stringify(text)
}

/** The text that {@link storedText} was made of. */
export function originalText(stored: string): string {
  return stored.startsWith(escaped) ? String(JSON.parse(stored.slice(1))) : stored
}

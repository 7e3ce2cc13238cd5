// How what comes from a log stands on the audit's page: as text and never as markup, of bounded length, with
// nothing that would turn the direction of what stands around it.

const nameMax = 160

/** A name of any length, of which the beginning is shown. */
export function nameOf(text: string): string {
  return escaped(text.length > nameMax ? `${text.slice(0, nameMax)}…` : text)
}

/** Text for between tags and for attributes in double quotes. */
export function escaped(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, '\u{fffd}')
}

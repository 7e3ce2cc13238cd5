// Tables for people: columns in line, numbers to the right.
import { eastAsianWidth } from 'get-east-asian-width'
import { printable } from './printable.ts'

/** What stands in a cell. */
export type Cell = string | number | bigint | undefined

/** The lines of a table; nothing where there are no rows. */
export function tableLines(head: readonly string[], rows: readonly (readonly Cell[])[]): readonly string[] {
  if (rows.length === 0) return []
  const texts = rows.map((row) => head.map((_, column) => cellText(row[column])))
  const isNumber = head.map((_, column) => rows.every((row) => typeof row[column] !== 'string'))
  const widths = head.map((name, column) =>
    Math.max(name.length, ...texts.map((row) => displayWidth(row[column] ?? ''))),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((text, column) => pad(text, widths[column] ?? 0, isNumber[column] === true))
      .join('  ')
      .trimEnd()
  return [line(head), ...texts.map(line)]
}

/** Names with their values, one a line. */
export function pairLines(pairs: readonly (readonly [name: string, value: Cell])[]): readonly string[] {
  const width = Math.max(...pairs.map(([name]) => name.length))
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${cellText(value)}`)
}

/** A whole number with its thousands apart: `20,000`. */
export function grouped(value: number | bigint): string {
  return value.toLocaleString('en-US')
}

function cellText(cell: Cell): string {
  if (cell === undefined) return '-'
  if (typeof cell === 'number') return Number.isInteger(cell) ? grouped(cell) : String(cell)
  return printable(String(cell))
}

function pad(text: string, width: number, isRight: boolean): string {
  const blanks = ' '.repeat(Math.max(0, width - displayWidth(text)))
  return isRight ? blanks + text : text + blanks
}

/** How many columns a printable text takes: East Asian characters and emoji two, marks on others none. */
function displayWidth(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length
  return Array.from(text.replaceAll(/\p{M}/gu, '')).reduce(
    (width, character) => width + eastAsianWidth(character.codePointAt(0) ?? 0),
    0,
  )
}

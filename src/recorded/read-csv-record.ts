// Reads a CSV record by its header's column names. An empty cell counts as absent; an empty `previous` cell,
// as CSV has no null, starts a stream.
import { InturnError } from '../core/errors.ts'
import type { CsvScanner } from './csv-scanner.ts'
import { lineContent } from './line-content.ts'
import type { RecordedFields } from './recorded-fields.ts'
import type { LineContent } from './recorded-line.ts'

/** Where the wanted columns are. */
export interface CsvColumns {
  readonly count: number
  readonly stream: readonly number[]
  readonly sequence: number
  readonly epoch: number | undefined
  readonly id: number | undefined
  readonly previous: number | undefined
  readonly arrival: number | undefined
}

/**
 * Finds the wanted columns in a header.
 *
 * @throws InturnError `usage` if one is not there
 */
export function csvColumns(
  header: readonly string[],
  fields: RecordedFields & { readonly mayLackEpoch?: true },
): CsvColumns {
  const find = (name: string): number => {
    const index = header.lastIndexOf(name)
    if (index !== -1) return index
    const there = header.slice(0, 20).join(', ')
    const missing = `There is no column ${name} in the CSV header; it has ${there}`
    throw new InturnError('usage', `${missing}${delimiterAdvice(name, header, fields.delimiter)}`)
  }
  const findOptional = (name: string | undefined): number | undefined =>
    name === undefined ? name : find(name)
  const hasEpoch = fields.mayLackEpoch !== true || header.includes(fields.epoch ?? '')
  return {
    count: header.length,
    stream: fields.stream.map(find),
    sequence: find(fields.sequence),
    epoch: hasEpoch ? findOptional(fields.epoch) : undefined,
    id: findOptional(fields.id),
    previous: findOptional(fields.previous),
    arrival: findOptional(fields.arrival),
  }
}

/** A reader of the record that `scanner` scanned last. */
export function csvRecordReader(
  scanner: CsvScanner,
  fields: RecordedFields,
  columns: CsvColumns,
): (bytes: Buffer) => LineContent {
  return (bytes) => {
    if (!scanner.isSound) return { kind: 'invalid', reason: 'csv-quotes' }
    if (scanner.cellCount !== columns.count) return { kind: 'invalid', reason: 'csv-cells' }
    const at = (column: number | undefined): string | undefined => {
      const text = column === undefined ? '' : scanner.text(bytes, column)
      return text === '' ? undefined : text
    }
    const values = {
      stream: columns.stream.map(at),
      sequence: at(columns.sequence),
      epoch: at(columns.epoch),
      id: at(columns.id),
      previous: at(columns.previous) ?? null,
      arrival: at(columns.arrival),
      fill: undefined,
    }
    return lineContent(values, fields)
  }
}

/** What to say where the column is there once the header is cut in another way. */
function delimiterAdvice(name: string, header: readonly string[], delimiter = ','): string {
  const names = { ',': "','", ';': "';'", '\t': 'tab', '|': "'|'" }
  const text = header.join(delimiter)
  const bare = (cell: string): string => cell.trim().replace(/^"(.*)"$/, '$1')
  const other = Object.entries(names).find(([cut]) => text.split(cut).map(bare).includes(name))
  return other === undefined ? '' : `. It has that with another delimiter: --delimiter ${other[1]}`
}

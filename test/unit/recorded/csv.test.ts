// CSV: quoted cells, empty cells, broken records, and every cut into chunks, read as the header says.
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { auditLog } from '../../../src/recorded/audit-log.ts'
import { CsvScanner } from '../../../src/recorded/csv-scanner.ts'
import { readRecordedEvents } from '../../../src/recorded/read-recorded-events.ts'
import type { RecordedFields } from '../../../src/recorded/recorded-fields.ts'
import type { RecordedLine } from '../../../src/recorded/recorded-line.ts'
import { LogFolder } from './log-file.ts'

const folder = new LogFolder()
afterAll(() => folder.remove())

const fields: RecordedFields = {
  stream: ['stream'],
  sequence: 'seq',
  epoch: 'epoch',
  id: 'id',
  numbering: 'contiguous',
}

async function linesOf(text: string, wanted: RecordedFields = fields): Promise<RecordedLine[]> {
  const lines: RecordedLine[] = []
  for await (const batch of readRecordedEvents(folder.write(text, 'csv'), wanted)) lines.push(...batch)
  return lines
}

function quoted(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`
}

describe('CSV', () => {
  it('cells come back as they were written, quoted or not', () => {
    const cell = fc.string({
      unit: fc.constantFrom('a', ',', ';', '\t', '"', '\n', '\r', 'ü', ' '),
      maxLength: 6,
    })
    const row = fc.array(cell, { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        fc.constantFrom(',', ';', '\t', '|'),
        (rows, isPlain, delimiter) => {
          const write = (text: string): string => (isPlain && /^[aü ]*$/.test(text) ? text : quoted(text))
          const bytes = Buffer.from(rows.map((cells) => `${cells.map(write).join(delimiter)}\r\n`).join(''))
          const scanner = new CsvScanner(delimiter)
          const read: string[][] = []
          for (let at = 0; at < bytes.length;) {
            at = scanner.scan(bytes, at)
            expect(scanner.isSound).toBe(true)
            read.push(Array.from({ length: scanner.cellCount }, (_, index) => scanner.text(bytes, index)))
          }
          expect(read).toEqual(rows)
        },
      ),
    )
  })

  it('any delimiter gives the same audit as the comma, on threads and by itself', async () => {
    const rows = Array.from({ length: 400 }, (_, n) => ['"a,b;c"', String(n + (n % 7 === 0 ? 0 : 1))])
    const textOf = (delimiter: string): string => {
      return [['stream', 'seq'], ...rows].map((cells) => `${cells.join(delimiter)}\n`).join('')
    }
    const wanted: RecordedFields = { stream: ['stream'], sequence: 'seq', numbering: 'contiguous' }
    const pace = { threads: 1, chunkBytes: 512 }
    const known = await auditLog(folder.write(textOf(','), 'csv'), { fields: wanted, ...pace })
    expect(known).toMatchObject({ events: 400, invalid: 0, clean: false })
    for (const [delimiter, threads] of [
      [';', 1],
      ['\t', 0],
      ['|', 0],
    ] as const) {
      const file = folder.write(textOf(delimiter), 'txt')
      expect(await auditLog(file, { fields: { ...wanted, delimiter }, ...pace, threads })).toEqual(known)
    }
    expect(
      await auditLog(folder.write(textOf('\t'), 'tsv'), { fields: wanted, ...pace, threads: 0 }),
    ).toEqual(known)
  })

  it('another delimiter is met with the flag that reads it, and one that is none is refused', async () => {
    const semicolons = 'stream;seq;epoch;id\na;1;;\n'
    await expect(linesOf(semicolons)).rejects.toThrow(/no column stream .* --delimiter ';'$/)
    await expect(linesOf('stream\tseq\tepoch\tid\n')).rejects.toThrow(/--delimiter tab$/)
    expect(await linesOf(semicolons, { ...fields, delimiter: ';' })).toHaveLength(1)
    for (const delimiter of ['', ';;', '"', '\n', 'ü']) {
      await expect(linesOf(semicolons, { ...fields, delimiter })).rejects.toThrow(/is one ASCII character/)
    }
    const ndjson = auditLog('-', { fields: { ...fields, delimiter: ';' }, format: 'ndjson' })
    await expect(ndjson).rejects.toThrow(/goes with CSV only/)
  })

  it('an empty cell is absent: epoch 0, no id, invalid without a number', async () => {
    expect(await linesOf('stream,seq,epoch,id\na,007,,\na,8,2,x\na,,,\n')).toEqual([
      { line: 2, kind: 'event', stream: 'a', epoch: 0, sequence: 7 },
      { line: 3, kind: 'event', stream: 'a', epoch: 2, sequence: 8, id: 'x' },
      { line: 4, kind: 'invalid', reason: 'sequence-missing' },
    ])
  })

  it('an empty previous cell begins a chain', async () => {
    const linked: RecordedFields = {
      stream: ['stream'],
      sequence: 'seq',
      previous: 'prev',
      numbering: 'linked',
    }
    const lines = await linesOf('stream,seq,prev\na,3,\na,9223372036854775808,3\n', linked)
    expect(lines).toMatchObject([{ previous: null }, { sequence: 9223372036854775808n, previous: 3 }])
  })

  it('line numbers count quoted newlines and blank lines', async () => {
    const lines = await linesOf('\nstream,seq,epoch,id\n\n"a\nb",1,,\n\na,2,,')
    expect(lines.map(({ line }) => line)).toEqual([4, 7])
  })

  it('a broken record spoils its own line only', async () => {
    const lines = await linesOf('stream,seq,epoch,id\na,1,,\n"a,2,,\na,3,,\na,4\n"a"x,5,,\na,6,,\n')
    const said = lines.map((line) =>
      line.kind === 'event' ? line.sequence : line.kind === 'invalid' && line.reason,
    )
    expect(said).toEqual([1, 'csv-quotes', 3, 'csv-cells', 'csv-quotes', 6])
  })

  it('a column that is not there is wrong usage', async () => {
    await expect(linesOf('stream,number\na,1\n')).rejects.toMatchObject({ code: 'usage' })
  })

  it('the audit reads it alike in any chunks, on any thread', async () => {
    const rows = Array.from(
      { length: 400 },
      (_, index) => `"s,${index % 3}\n",${index % 100},${index % 2},"i""${index % 7}"`,
    )
    const path = folder.write(`\ufeffstream,seq,epoch,id\n${rows.join('\r\n')}`, 'csv')
    const whole = await auditLog(path, { fields, threads: 0 })
    expect(whole.events).toBe(400)
    expect(await auditLog(path, { fields, threads: 0, chunkBytes: 64 })).toEqual(whole)
    expect(await auditLog(path, { fields, threads: 2, chunkBytes: 500 })).toEqual(whole)
  })
})

// The conflicts that an audit lists against a naive list, over small random logs in tiny chunks: with ids of
// every form, in NDJSON and CSV, from memory and from sorted runs, with every numbering.
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { auditLog } from '../../../src/recorded/audit-log.ts'
import type { LogAudit } from '../../../src/recorded/audit-log.ts'
import type { AuditConflict } from '../../../src/recorded/audit-report.ts'
import { readRecordedEvents } from '../../../src/recorded/read-recorded-events.ts'
import type { RecordedFields } from '../../../src/recorded/recorded-fields.ts'
import type { EventContent, FillContent, RecordedLine } from '../../../src/recorded/recorded-line.ts'
import { LogFolder } from './log-file.ts'

const folder = new LogFolder()
afterAll(() => folder.remove())

const fields: RecordedFields = {
  stream: ['stream'],
  sequence: 'sequence',
  epoch: 'epoch',
  id: 'id',
  numbering: 'contiguous',
}

/** Who had each number first, and every event that came to find it taken by another. */
class NaiveConflicts {
  readonly conflicts: AuditConflict[] = []
  readonly #owners = new Map<string, AuditConflict['first']>()

  add(content: RecordedLine): void {
    if (content.kind === 'fill') this.#addFill(content)
    else if (content.kind === 'event') this.#addEvent(content)
  }

  #addFill({ stream, epoch, from, to, line }: RecordedLine & FillContent): void {
    for (let number = from; number <= to; number++) {
      const key = `${stream} ${epoch} ${number}`
      if (!this.#owners.has(key)) this.#owners.set(key, { line, fill: true })
    }
  }

  #addEvent({ stream, epoch, sequence, id, line }: RecordedLine & EventContent): void {
    const key = `${stream} ${epoch} ${sequence}`
    const first = this.#owners.get(key)
    const event = { line, ...(id !== undefined && { id }) }
    if (first === undefined) this.#owners.set(key, event)
    else if (first.fill === true || first.id !== id)
      this.conflicts.push({ stream, epoch, sequence, ...event, first })
  }
}

interface Found {
  readonly lines: readonly AuditConflict[]
  readonly count: number
}

/** What the audit and the naive list find. */
async function bothOf(
  path: string,
  options: Partial<LogAudit> & Pick<LogAudit, 'fields'>,
): Promise<{ listed: Found; naive: Found }> {
  const conflictsMax = options.conflictsMax ?? 1000
  const pace = { threads: 0, chunkBytes: 97 }
  const { conflictLines, conflicts } = await auditLog(path, { ...pace, ...options, conflictsMax })
  const naive = new NaiveConflicts()
  for await (const lines of readRecordedEvents(path, options.fields))
    for (const line of lines) naive.add(line)
  return {
    listed: { lines: conflictLines, count: conflicts },
    naive: { lines: naive.conflicts.slice(0, conflictsMax), count: naive.conflicts.length },
  }
}

const id = fc.constantFrom(
  undefined,
  'x',
  'nineteen bytes here',
  'a text, with a comma, that is longer than nineteen bytes, 1',
  'a text, with a comma, that is longer than nineteen bytes, 2',
  '0190b6a4-7d4e-7aaa-8bbb-123456789abc',
  '0190b6a47d4e7aaa8bbb123456789abc',
  '0190B6A47D4E7AAA8BBB123456789ABC',
  'für',
  'abcdefabcdefabcdefabcdefabcdefabcdefab',
)
const event = fc.record(
  {
    stream: fc.constantFrom('a', 'b'),
    epoch: fc.constantFrom(0, 0, 1),
    sequence: fc.integer({ min: -2, max: 9 }),
    id,
  },
  { requiredKeys: ['stream', 'sequence'] },
)
const fill = fc
  .record({ stream: fc.constantFrom('a', 'b'), from: fc.integer({ min: -2, max: 9 }), width: fc.nat(3) })
  .map(({ from, width, ...rest }) => ({ ...rest, fill: { from, to: from + width } }))

describe('the conflicts that an audit lists are those of the naive list', () => {
  it('contiguous, with fills, sorted in memory and in runs, whole and cut', async () => {
    const line = fc.oneof({ weight: 8, arbitrary: event }, { weight: 1, arbitrary: fill })
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 40 }),
        fc.constantFrom(400, 2 ** 20),
        fc.constantFrom(1, 3, 1000),
        async (lines, memoryBytes, conflictsMax) => {
          const path = folder.write(lines.map((content) => JSON.stringify(content)).join('\n'))
          const { listed, naive } = await bothOf(path, { fields, memoryBytes, conflictsMax })
          expect(listed).toEqual(naive)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('increasing and linked', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { maxLength: 40 }),
        fc.constantFrom('increasing' as const, 'linked' as const),
        async (lines, numbering) => {
          const linked = lines.map((content) => ({ ...content, previous: content.sequence - 1 }))
          const path = folder.write(linked.map((content) => JSON.stringify(content)).join('\n'))
          const previous = numbering === 'linked' ? { previous: 'previous' } : {}
          const { listed, naive } = await bothOf(path, {
            fields: { ...fields, ...previous, numbering },
            memoryBytes: 900,
          })
          expect(listed).toEqual(naive)
        },
      ),
      { numRuns: 150 },
    )
  })

  it('CSV, whose long ids are read from the records again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 30 }), async (lines) => {
        const rows = lines.map(({ stream, epoch = 0, sequence, id: named = '' }) => {
          return `${stream},${epoch},${sequence},"${named}"`
        })
        const path = folder.write(['stream,epoch,sequence,id', ...rows].join('\n'), 'csv')
        const { listed, naive } = await bothOf(path, { fields })
        expect(listed).toEqual(naive)
      }),
      { numRuns: 60 },
    )
  })
})

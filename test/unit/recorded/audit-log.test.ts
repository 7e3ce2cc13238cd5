// The fast audit against the naive one, over small random logs that are cut into tiny chunks.
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { auditLog } from '../../../src/recorded/audit-log.ts'
import type { LogAudit } from '../../../src/recorded/audit-log.ts'
import type { AuditReport } from '../../../src/recorded/audit-report.ts'
import { readRecordedEvents } from '../../../src/recorded/read-recorded-events.ts'
import type { RecordedFields } from '../../../src/recorded/recorded-fields.ts'
import type { RecordedLine } from '../../../src/recorded/recorded-line.ts'
import { LogFolder } from './log-file.ts'
import { naiveAudit } from './naive-audit.ts'

const folder = new LogFolder()
afterAll(() => folder.remove())

async function linesOf(path: string, fields: RecordedFields): Promise<RecordedLine[]> {
  const lines: RecordedLine[] = []
  for await (const batch of readRecordedEvents(path, fields)) lines.push(...batch)
  return lines
}

const plain: RecordedFields = { stream: ['stream'], sequence: 'sequence', numbering: 'contiguous' }
const rich: RecordedFields = { ...plain, epoch: 'epoch', id: 'id' }

/** The parts of a report that the naive audit knows, numbers as bigint. */
function comparable(report: AuditReport): object {
  const { unique, duplicates, conflicts, invalid, fills, filled, outOfOrder, reorderExtentMax, forks } =
    report
  return {
    unique,
    duplicates,
    conflicts,
    invalid,
    fills,
    filled,
    outOfOrder,
    reorderExtentMax,
    forks,
    missing: BigInt(report.missing),
    gaps: report.gaps.map((gap) => ({ ...gap, from: BigInt(gap.from), to: BigInt(gap.to) })),
  }
}

/** What both audits say of a log. */
async function bothOf(text: string, options: LogAudit): Promise<{ fast: object; naive: object }> {
  const path = folder.write(text)
  const { fields, start = 'lowest' } = options
  const naive = naiveAudit(await linesOf(path, fields), {
    numbering: fields.numbering,
    start: start === 'lowest' ? start : BigInt(start),
  })
  const report = await auditLog(path, { threads: 0, chunkBytes: 97, ...options })
  const { unique, duplicates, conflicts, invalid, fills } = naive
  const events = unique + duplicates + conflicts + invalid + fills
  return { fast: { ...comparable(report), events: report.events }, naive: { ...naive, events } }
}

const stream = fc.constantFrom('a', 'b', 'c/d')
const epoch = fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(3) })
const event = fc.record(
  { stream, epoch, sequence: fc.integer({ min: -2, max: 14 }), id: fc.constantFrom(undefined, 'x', 'y') },
  { requiredKeys: ['stream', 'sequence'] },
)
const fill = fc
  .record({ stream, epoch, from: fc.integer({ min: -2, max: 14 }), width: fc.nat(5) })
  .map(({ from, width, ...rest }) => ({ ...rest, fill: { from, to: from + width } }))
const broken = fc.constantFrom('', '{', 'null', '{"stream":"a"}', '{"stream":"","sequence":1}', '  ')
const eventLine = event.map((line) => JSON.stringify(line))
const anyLine = fc.oneof(
  { weight: 12, arbitrary: eventLine },
  { weight: 2, arbitrary: fill.map((line) => JSON.stringify(line)) },
  { weight: 1, arbitrary: broken },
)
const start = fc.constantFrom('lowest' as const, 0, 3)

describe('the audit of a random log equals the naive one', () => {
  it('contiguous, with fills, epochs, ids and broken lines', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyLine, { maxLength: 40 }), start, async (lines, from) => {
        const { fast, naive } = await bothOf(lines.join('\n'), { fields: rich, start: from })
        expect(fast).toEqual(naive)
      }),
      { numRuns: 250 },
    )
  })

  it('contiguous without ids', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyLine, { maxLength: 40 }), start, async (lines, from) => {
        const { fast, naive } = await bothOf(lines.join('\r\n'), {
          fields: { ...plain, epoch: 'epoch' },
          start: from,
        })
        expect(fast).toEqual(naive)
      }),
      { numRuns: 200 },
    )
  })

  it('increasing, ids spilled to many runs', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(eventLine, { maxLength: 60 }), async (lines) => {
        const { fast, naive } = await bothOf(lines.join('\n'), {
          fields: { ...rich, numbering: 'increasing' },
          memoryBytes: 600,
        })
        expect(fast).toEqual(naive)
      }),
      { numRuns: 200 },
    )
  })

  it('linked', async () => {
    const linkedLine = fc
      .record({
        stream,
        epoch,
        sequence: fc.integer({ min: 1, max: 14 }),
        back: fc.nat(4),
        head: fc.nat(9),
      })
      .map(({ back, head, ...line }) => ({ ...line, previous: head === 0 ? null : line.sequence - 1 - back }))
      .map((line) => JSON.stringify(line))
    const fields: RecordedFields = { ...plain, epoch: 'epoch', numbering: 'linked', previous: 'previous' }
    const uniquely = { selector: (line: string) => line.replace(/,"previous.*/, '') }
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(linkedLine, { maxLength: 30, ...uniquely }),
        start,
        async (lines, from) => {
          const { fast, naive } = await bothOf(lines.join('\n'), { fields, start: from, memoryBytes: 2000 })
          expect(fast).toEqual(naive)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('contiguous with ids, spilled to many runs, and read on workers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyLine, { minLength: 30, maxLength: 60 }), async (lines) => {
        const text = lines.join('\n')
        const { fast, naive } = await bothOf(text, { fields: rich, memoryBytes: 500, threads: 2 })
        expect(fast).toEqual(naive)
      }),
      { numRuns: 10 },
    )
  })
})

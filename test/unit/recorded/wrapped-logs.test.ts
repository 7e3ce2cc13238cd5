// Logs of counters that wrap: audit, resequence and trace take each line for the same number, which is the
// one that its producer meant.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import type { Counter } from '../../../src/core/counter.ts'
import { onWire, windowOf } from '../../../src/core/counter.ts'
import { contiguous } from '../../../src/core/numbering.ts'
import { auditLog } from '../../../src/recorded/audit-log.ts'
import { fileOutlet, LineSink } from '../../../src/recorded/line-sink.ts'
import { readRecordedEvents } from '../../../src/recorded/read-recorded-events.ts'
import type { RecordedFields } from '../../../src/recorded/recorded-fields.ts'
import { resequenceLog } from '../../../src/recorded/resequence-log.ts'
import { LogFolder } from './log-file.ts'
import { traced, traceText } from './traced-lines.ts'

const folder = new LogFolder()
afterAll(() => folder.remove())

interface World extends Counter {
  readonly start: number
  readonly moves: readonly { readonly kind: 'next' | 'late' | 'copy'; readonly by: number }[]
  readonly asText: boolean
}

const world: fc.Arbitrary<World> = fc
  .record({
    modulus: fc.constantFrom(4, 5, 8, 9, 32, 255),
    wrapsTo: fc.constantFrom(0, 1, -4, -128),
    offset: fc.nat(3),
    moves: fc.array(
      fc.record({ kind: fc.constantFrom('next', 'next', 'next', 'late', 'copy'), by: fc.nat(200) }),
      { minLength: 1, maxLength: 300, size: 'max' },
    ),
    asText: fc.boolean(),
  })
  .map(({ offset, ...rest }) => ({ ...rest, start: rest.wrapsTo + offset }))

/** The numbers in the order in which they come: some are lost, late or come twice, within half a turn. */
function arrivals(of: World): number[] {
  const window = windowOf(of)
  const came: number[] = []
  let greatest = of.start - 1
  for (const { kind, by } of of.moves) {
    if (kind === 'next') {
      const isDense = by % 3 > 0
      greatest += isDense ? 1 : 1 + (by % window)
      came.push(greatest)
      continue
    }
    const near = Array.from({ length: Math.min(window, greatest - of.start + 1) }, (_, at) => greatest - at)
    const some = near.filter((n) => came.includes(n) === (kind === 'copy'))
    const n = some[by % some.length]
    if (n !== undefined) came.push(n)
  }
  return came
}

function fieldsOf({ modulus, wrapsTo }: Counter): RecordedFields {
  return { stream: ['s'], sequence: 'n', numbering: 'contiguous', modulus, wrapsTo }
}

function logOf(of: World, numbers: readonly number[]): string {
  const wire = (n: number): number | string => (of.asText ? String(onWire(of, n)) : Number(onWire(of, n)))
  return numbers.map((n) => `${JSON.stringify({ s: 'a', n: wire(n), true: n })}\n`).join('')
}

describe('a log of a counter that wraps', () => {
  test('is audited and ordered by the numbers that were meant, whatever is missing', async () => {
    await fc.assert(
      fc.asyncProperty(world, async (of) => {
        const numbers = arrivals(of)
        fc.pre(numbers.length > 0)
        const path = folder.write(logOf(of, numbers))
        const first = [...new Set(numbers)].sort((a, b) => a - b)
        const report = await auditLog(path, { fields: fieldsOf(of), start: of.start, threads: 0 })
        const top = first.at(-1) ?? 0
        expect(report).toMatchObject({
          unique: first.length,
          duplicates: numbers.length - first.length,
          invalid: 0,
          missing: top - of.start + 1 - first.length,
        })
        const missing = report.gaps.flatMap(({ from, to }) =>
          Array.from({ length: Number(to) - Number(from) + 1 }, (_, at) => Number(from) + at),
        )
        expect([...first, ...missing].sort((a, b) => a - b)).toEqual(
          Array.from({ length: top - of.start + 1 }, (_, at) => of.start + at),
        )
        const output = join(folder.path, 'ordered')
        await resequenceLog(path, {
          fields: fieldsOf(of),
          threads: 0,
          openOutput: () => new LineSink(fileOutlet(output)),
        })
        // Resequence is not told where the stream begins: all is shifted by the turns before the first line.
        const ordered = readFileSync(output, 'utf8').trim().split('\n')
        expect(ordered.map((line) => (JSON.parse(line) as { true: number }).true)).toEqual(first)
      }),
      { numRuns: 100 },
    )
  })

  test('is traced without taking a line for another number than audit does', async () => {
    await fc.assert(
      fc.asyncProperty(world, async (of) => {
        const numbers = arrivals(of)
        const { start, modulus, wrapsTo } = of
        const rules = { numbering: contiguous({ start, modulus, wrapsTo }) }
        const text = await traceText(logOf(of, numbers), { rules, fields: fieldsOf(of) })
        for (const line of text.split('\n').filter((one) => one.includes('"sequence"'))) {
          const said = JSON.parse(line) as {
            line: number
            unwrapped?: number
            verdict: string
            reason?: string
          }
          const meant = numbers[said.line - 1]
          expect(said.unwrapped ?? said.reason).toBe(
            said.unwrapped === undefined ? 'ambiguous-number' : meant,
          )
          expect(['invalid', 'conflict', 'late', 'implausible']).not.toContain(said.verdict)
        }
      }),
      { numRuns: 100 },
    )
  })

  test('that wraps to 1, or below zero, is read, and what it cannot show is invalid', async () => {
    const reasons = async (wrapsTo: number, values: readonly unknown[]): Promise<string[]> => {
      const path = folder.write(values.map((n) => `${JSON.stringify({ s: 'a', n })}\n`).join(''))
      const said: string[] = []
      for await (const batch of readRecordedEvents(path, fieldsOf({ modulus: 8, wrapsTo }))) {
        for (const line of batch)
          said.push(
            line.kind === 'event' ? String(line.sequence) : String(line.kind === 'invalid' && line.reason),
          )
      }
      return said
    }
    expect(await reasons(1, [0, 1, 8, '8', 9, '-1'])).toEqual([
      'outside-counter',
      '1',
      '8',
      '8',
      'outside-counter',
      'sequence-not-an-integer',
    ])
    expect(await reasons(-4, [-5, -4, '-4', '-0', 3, '4'])).toEqual([
      'outside-counter',
      '-4',
      '-4',
      '0',
      '3',
      'outside-counter',
    ])
    expect(await reasons(0, [-1, 8])).toEqual(['below-zero-with-modulus', 'at-or-above-modulus'])
  })

  test('halts in a trace where a number is missing for half a turn', async () => {
    const lines = [0, 1, 3, 4, 5, 6].map((n) => ({ s: 'a', n: n % 8 }))
    const said = await traced(lines, {
      rules: { numbering: contiguous({ start: 0, modulus: 8 }) },
      fields: { modulus: 8 },
    })
    expect(said).toContain('6 refuse a 6 =6 (window-used-up)')
    expect(said.some((line) => line.startsWith('halted a 2'))).toBe(true)
  })
})

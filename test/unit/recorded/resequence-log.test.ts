// Resequencing against a plain sort of the lines, in any chunks and with any memory.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { fileOutlet, LineSink } from '../../../src/recorded/line-sink.ts'
import { readRecordedEvents } from '../../../src/recorded/read-recorded-events.ts'
import type { RecordedFields } from '../../../src/recorded/recorded-fields.ts'
import { resequenceLog } from '../../../src/recorded/resequence-log.ts'
import type { Resequencing, ResequenceSummary } from '../../../src/recorded/resequence-log.ts'
import { LogFolder } from './log-file.ts'

const folder = new LogFolder()
afterAll(() => folder.remove())

const fields: RecordedFields = { stream: ['s'], sequence: 'n', epoch: 'e', id: 'id', numbering: 'contiguous' }

async function resequence(
  path: string,
  options: Partial<Resequencing> = {},
): Promise<{ output: string; rejects: string; summary: ResequenceSummary }> {
  const [output, rejects] = [join(folder.path, 'output'), join(folder.path, 'rejects')]
  const summary = await resequenceLog(path, {
    fields,
    threads: 0,
    openOutput: () => new LineSink(fileOutlet(output)),
    openRejects: () => new LineSink(fileOutlet(rejects)),
    ...options,
  })
  return { output: readFileSync(output, 'utf8'), rejects: readFileSync(rejects, 'utf8'), summary }
}

/** First copies sorted, and what is left over without the duplicates. */
async function plainly(
  path: string,
  lines: readonly string[],
): Promise<{ ordered: string[]; rejected: string[] }> {
  const firsts = new Map<string, { id: string | undefined; text: string; key: [number, number, number] }>()
  const streams: string[] = []
  const rejected: string[] = []
  for await (const batch of readRecordedEvents(path, fields)) {
    for (const content of batch) {
      const text = lines[content.line - 1] ?? ''
      if (content.kind !== 'event') {
        rejected.push(text)
        continue
      }
      const { stream, epoch, sequence, id } = content
      if (!streams.includes(stream)) streams.push(stream)
      const place = `${stream} ${epoch} ${sequence}`
      const first = firsts.get(place)
      if (first === undefined)
        firsts.set(place, { id, text, key: [streams.indexOf(stream), epoch, Number(sequence)] })
      else if (first.id !== id) rejected.push(text)
    }
  }
  const sorted = [...firsts.values()].sort(
    ({ key: a }, { key: b }) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2],
  )
  return { ordered: sorted.map(({ text }) => text), rejected }
}

describe('resequence', () => {
  it('equals a plain sort of the first copies, byte for byte, however little memory there is', async () => {
    const line = fc
      .record(
        {
          s: fc.constantFrom('a', 'b', 'c'),
          e: fc.constantFrom(0, 2),
          n: fc.nat(12),
          id: fc.constantFrom('x', 'y'),
        },
        { requiredKeys: ['s', 'n'] },
      )
      .map((event) => JSON.stringify(event))
    const anyLine = fc.oneof(
      { weight: 9, arbitrary: line },
      { weight: 1, arbitrary: fc.constantFrom('{', '', ' {} ') },
    )
    const end = fc.constantFrom('\n', '\r\n')
    const memory = fc.constantFrom(800, 4000, 1_000_000)
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyLine, { maxLength: 40 }),
        end,
        memory,
        async (lines, lineEnd, memoryBytes) => {
          const path = folder.write(lines.map((text) => text + lineEnd).join(''))
          const { ordered, rejected } = await plainly(path, lines)
          const { output, rejects, summary } = await resequence(path, { memoryBytes, chunkBytes: 80 })
          expect(output).toBe(ordered.map((text) => text + lineEnd).join(''))
          expect(rejects).toBe(rejected.map((text) => text + lineEnd).join(''))
          expect(summary.written).toBe(ordered.length)
        },
      ),
      { numRuns: 150 },
    )
  })

  it('a last line without a newline gets one only if it does not end the output', async () => {
    const second = await resequence(folder.write('{"s":"a","n":2}\n{"s":"a","n":1}'))
    expect(second.output).toBe('{"s":"a","n":1}\n{"s":"a","n":2}\n')
    const last = await resequence(folder.write('{"s":"a","n":1}\n{"s":"a","n":2}'))
    expect(last.output).toBe('{"s":"a","n":1}\n{"s":"a","n":2}')
  })

  it('a fill stands in front of its first number, and what it covers is a conflict', async () => {
    const lines = [
      '{"s":"a","n":5}',
      '{"s":"a","fill":{"from":2,"to":3}}',
      '{"s":"a","n":3}',
      '{"s":"a","n":1}',
    ]
    const { output, rejects } = await resequence(folder.write(lines.join('\n')))
    expect(output.split('\n').filter(Boolean)).toEqual([lines[3], lines[1], lines[0]])
    expect(rejects).toBe('{"s":"a","n":3}\n')
  })

  it('the header of a CSV stays first', async () => {
    const { output } = await resequence(folder.write('n,s\r\n2,a\r\n1,a', 'csv'), {
      fields: { stream: ['s'], sequence: 'n', numbering: 'contiguous' },
    })
    expect(output).toBe('n,s\r\n1,a\n2,a\r\n')
  })

  it('wrapped counters are in the order they were counted in', async () => {
    const numbers = [250, 255, 2, 0, 1, 254]
    const path = folder.write(numbers.map((n) => `{"s":"a","n":${n}}\n`).join(''))
    const { output } = await resequence(path, { fields: { ...fields, modulus: 256 } })
    expect(output.match(/\d+/g)?.map(Number)).toEqual([250, 254, 255, 0, 1, 2])
  })

  it('numbers beyond 2^53 are never rounded', async () => {
    const numbers = ['9007199254740993', '9007199254740992', '"0009007199254740993"', '-1', '1e20', '3.5']
    const path = folder.write(numbers.map((n) => `{"s":"a","n":${n}}\n`).join(''))
    const { output, rejects, summary } = await resequence(path, {
      fields: { ...fields, numbering: 'increasing' },
    })
    expect(output.match(/(?<="n":)[^}]+/g)).toEqual(['-1', numbers[1], numbers[0], '1e20'])
    expect([rejects, summary.duplicates]).toEqual(['{"s":"a","n":3.5}\n', 1])
  })
})

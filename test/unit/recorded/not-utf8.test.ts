// A line that is not UTF-8 is invalid, as it is for a worker: two streams never become one because both of
// their names were decoded with guesses. In every way that a recorded log is read.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it, test } from 'vitest'
import { auditLog } from '../../../src/recorded/audit-log.ts'
import { fileOutlet, LineSink } from '../../../src/recorded/line-sink.ts'
import { readRecordedEvents } from '../../../src/recorded/read-recorded-events.ts'
import type { RecordedFields } from '../../../src/recorded/recorded-fields.ts'
import { resequenceLog } from '../../../src/recorded/resequence-log.ts'
import { EngineWorld } from '../engine/engine-world.ts'
import { LogFolder } from './log-file.ts'

const folder = new LogFolder()
afterAll(() => folder.remove())

const fields: RecordedFields = { stream: ['stream'], sequence: 'sequence', id: 'id', numbering: 'contiguous' }
const json = (stream: string, sequence: number): Buffer =>
  Buffer.from(`{"domain":"account","stream":"${stream}","sequence":${sequence},"id":"x"}`, 'latin1')
const csv = (stream: string, sequence: number): Buffer => Buffer.from(`${stream},${sequence},x`, 'latin1')
const written = (lines: readonly Uint8Array[], extension?: string): string =>
  folder.write(Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')])), extension)

async function kindsOf(path: string): Promise<unknown[]> {
  const kinds: unknown[] = []
  for await (const lines of readRecordedEvents(path, fields))
    for (const line of lines) kinds.push(line.kind === 'invalid' ? line.reason : line.kind)
  return kinds
}

describe('a line that is not UTF-8 is invalid', () => {
  const streams = ['M\xfcller', 'ok', 'M\xf6ller']
  const numbers = [1, 2, 3]
  it.each([
    ['ndjson', numbers.flatMap((n) => streams.map((stream) => json(stream, n)))],
    [
      'csv',
      [Buffer.from('stream,sequence,id'), ...numbers.flatMap((n) => streams.map((one) => csv(one, n)))],
    ],
  ] as const)('and its neighbours are not: %s', async (extension, lines) => {
    const path = written(lines, extension)
    const report = await auditLog(path, { fields, threads: 0 })
    expect(report).toMatchObject({ clean: false, events: 9, unique: 3, invalid: 6, streams: 1 })
    expect(report.invalidLines[0]).toMatchObject({ reason: 'not-utf-8' })
    const each = ['not-utf-8', 'event', 'not-utf-8']
    expect(await kindsOf(path)).toEqual([...each, ...each, ...each])
    const [output, rejects] = [join(folder.path, 'output'), join(folder.path, 'rejects')]
    await resequenceLog(path, {
      fields,
      threads: 0,
      openOutput: () => new LineSink(fileOutlet(output)),
      openRejects: () => new LineSink(fileOutlet(rejects)),
    })
    const rejected = lines.filter((line) => line.includes(0xfc) || line.includes(0xf6))
    expect(readFileSync(rejects)).toEqual(
      Buffer.concat(rejected.flatMap((line) => [line, Buffer.from('\n')])),
    )
  })

  it('wherever the byte stands, in every reader alike, and for a worker', async () => {
    const line = fc
      .tuple(
        fc.constantFrom('a', 'b\u00fc', '\u{1f40e}'),
        fc.nat(200),
        fc.option(fc.integer({ min: 0x80, max: 0xff })),
      )
      .map(([stream, at, byte]) => {
        const text = Buffer.from(`{"domain":"account","stream":"${stream}","sequence":1,"id":"x","data":"d"}`)
        return byte === null
          ? text
          : Buffer.concat([text.subarray(0, at), Buffer.of(byte), text.subarray(at)])
      })
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 6 }), async (lines) => {
        const path = written(lines)
        const kinds = await kindsOf(path)
        const { invalid, streams: count } = await auditLog(path, { fields, threads: 0, chunkBytes: 97 })
        const results = await new EngineWorld().processor().process(lines)
        expect(kinds.map((kind) => kind !== 'event')).toEqual(
          results.map(({ verdict }) => verdict === 'invalid'),
        )
        expect(invalid).toBe(kinds.filter((kind) => kind !== 'event').length)
        expect(count).toBe(
          new Set(results.flatMap(({ stream, verdict }) => (verdict === 'invalid' ? [] : [stream]))).size,
        )
      }),
    )
  })
})

test('a byte order mark at the beginning of a line is left out, once, in every reader alike', async () => {
  const event = (number: number): string =>
    `{"domain":"account","stream":"a","sequence":${number},"id":"x${number}","data":1}`
  const lines = [event(1), `\ufeff${event(2)}`, `\ufeff\ufeff${event(3)}`, ` \ufeff${event(3)}`]
  const bytes = lines.map((line) => Buffer.from(line))
  expect(await kindsOf(written(bytes))).toEqual(['event', 'event', 'not-json', 'not-json'])
  expect(await auditLog(written(bytes), { fields, threads: 0 })).toMatchObject({ unique: 2, invalid: 2 })
  for (const messages of [bytes, lines]) {
    const results = await new EngineWorld().processor().process(messages)
    expect(results.map(({ verdict }) => verdict)).toEqual(['deliver', 'deliver', 'invalid', 'invalid'])
  }
})

describe('names with half characters', () => {
  it('are no stream, alone or as a part of a key', async () => {
    const lines = ['\\ud800', '\\udfff', 'x\\ud800y'].map((one) =>
      Buffer.from(`{"stream":"${one}","sequence":1}`),
    )
    expect(await kindsOf(written(lines))).toEqual(lines.map(() => 'stream-not-a-text'))
    expect((await auditLog(written(lines), { fields, threads: 0 })).invalid).toBe(3)
  })

  it('tell two ids apart', async () => {
    const ids = ['\\ud800', '\\ud801', '\\ufffd', 'x\\ud800', 'x\\ud801', `${'y'.repeat(40)}\\ud801`]
    const lines = ids.map((id) => Buffer.from(`{"stream":"a","sequence":1,"id":"${id}"}`))
    const report = await auditLog(written([...lines, ...lines]), { fields, threads: 0 })
    expect(report).toMatchObject({ unique: 1, duplicates: 1, conflicts: 2 * ids.length - 2 })
  })
})

describe('a fill that is no object is no fill, for the audit and for a worker', () => {
  it.each(['1', '"partial"', 'true', 'false', 'null', '[1,2]', '12345678901234567890'])(
    '%s',
    async (value) => {
      const line = (number: string): Buffer =>
        Buffer.from(`{"domain":"account","stream":"a",${number}"id":"x","data":1,"fill":${value}}`)
      const lines = [line('"sequence":1,'), line('')]
      expect(await kindsOf(written(lines))).toEqual(['event', 'sequence-missing'])
      const { invalid, unique, fills } = await auditLog(written(lines), { fields, threads: 0 })
      expect({ invalid, unique, fills }).toEqual({ invalid: 1, unique: 1, fills: 0 })
      const [first, second] = await new EngineWorld().processor().process(lines)
      expect(first?.verdict).toBe('deliver')
      expect(second).toMatchObject({
        verdict: 'invalid',
        detail: expect.stringMatching(/sequence is missing/) as string,
      })
    },
  )
})

// The file healer: an archive that grows, is replaced, ends in the middle of a line, or is too large to be
// read through at once. I7.
import { appendFile, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Healer } from '../../../src/ports/healer.ts'
import { fileHealer } from '../../../src/transports/file.ts'
import { StreamBlocks } from '../../../src/transports/file/stream-blocks.ts'
import { askFor, idsOf, kept } from '../../conformance/healer-laws.ts'

let folder: string
let archive: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inturn-archive-'))
  archive = join(folder, 'archive.ndjson')
})
afterEach(() => rm(folder, { recursive: true }))

const line = (message: unknown): string => `${JSON.stringify(message)}\n`
const lines = (...sequences: readonly number[]): string =>
  sequences.map((sequence) => line(kept('a', sequence))).join('')
const found = async (
  healer: Healer,
  fields: Parameters<typeof askFor>[0] = {},
): Promise<readonly unknown[]> => idsOf(await healer.heal(askFor(fields)))

test('an archive that is not there is an error that says so, and is found once it is', async () => {
  const healer = fileHealer(archive)
  await expect(healer.heal(askFor())).rejects.toThrow(/archive.ndjson cannot be read: .*ENOENT/)
  await expect(healer.heal(askFor())).rejects.toMatchObject({ code: 'source-unavailable', retryable: true })
  await writeFile(archive, lines(1))
  expect(await found(healer)).toEqual(['a-1'])
})

test('lines come as they stand, byte for byte', async () => {
  const odd = '{"stream":"a", "sequence": 1, "id":"x","data":{"n": 9007199254740993}}'
  await writeFile(archive, `${odd}\n`)
  expect(await fileHealer(archive).heal(askFor())).toEqual([odd])
})

test('a last line without its newline is found, also once the rest of it has come', async () => {
  const text = lines(1, 2)
  await writeFile(archive, text.slice(0, -1))
  const healer = fileHealer(archive)
  expect(await found(healer)).toEqual(['a-1', 'a-2'])
  await appendFile(archive, `\n${lines(3)}`)
  expect(await found(healer)).toEqual(['a-1', 'a-2', 'a-3'])
  await appendFile(archive, lines(4).slice(0, 10))
  expect(await found(healer)).toHaveLength(3)
  await appendFile(archive, lines(4).slice(10))
  expect(await found(healer)).toHaveLength(4)
})

test('an archive that was replaced, or cut, is read anew', async () => {
  await writeFile(archive, lines(1, 2, 3))
  const healer = fileHealer(archive)
  expect(await found(healer)).toHaveLength(3)
  await writeFile(archive, `${line(kept('b', 1))}${lines(7, 8, 9, 10)}`)
  expect(await found(healer)).toEqual(['a-7', 'a-8', 'a-9', 'a-10'])
  await writeFile(archive, lines(5))
  expect(await found(healer)).toEqual(['a-5'])
  await writeFile(archive, '')
  expect(await found(healer)).toEqual([])
})

test('what is no event, of another domain, or too long is passed over', async () => {
  const other = line(kept('a', 2, { domain: 'chat' }))
  const long = line(kept('a', 3, { data: 'x'.repeat(5_000) }))
  await writeFile(archive, `\n  \nnot json\n[1]\n${other}${long}${lines(4)}`)
  const healer = fileHealer(archive, { lineBytesMax: 1_000 })
  for (let times = 0; times < 2; times++) expect(await found(healer)).toEqual(['a-4'])
})

test('a fill that reaches into the range is found', async () => {
  const fill = (from: number, to: number): string =>
    line({ stream: 'a', id: `${from}-${to}`, fill: { from, to, reason: 'burned' } })
  await writeFile(archive, `${fill(1, 3)}${fill(4, 6)}${fill(9, 20)}${fill(11, 12)}`)
  expect(await found(fileHealer(archive), { from: 5, to: 10 })).toEqual(['4-6', '9-20'])
})

test('events are found by the mapping that the worker has', async () => {
  await writeFile(archive, line({ id: 'x', order: 'a', revision: 4 }))
  const eventFrom = (message: Readonly<Record<string, unknown>>): object => ({
    stream: message['order'],
    sequence: message['revision'],
  })
  expect(await found(fileHealer(archive))).toEqual([])
  expect(await found(fileHealer(archive, { eventFrom }))).toEqual(['x'])
})

test('a counter that wraps is refused: its rounds look alike in an archive', async () => {
  await writeFile(archive, lines(1))
  await expect(fileHealer(archive).heal(askFor({ wire: { from: 1, to: 1 } }))).rejects.toThrow(
    'rounds of a counter',
  )
})

test('questions at the same time are answered one after another, each right', async () => {
  const streams = Array.from({ length: 20 }, (_, index) => `s${index}`)
  await writeFile(archive, streams.map((stream) => line(kept(stream, 1))).join(''))
  const healer = fileHealer(archive)
  const answers = await Promise.all(streams.map((stream) => found(healer, { stream })))
  expect(answers).toEqual(streams.map((stream) => [`${stream}-1`]))
})

test('a question that is broken off leaves what was read: the next one goes on there', async () => {
  const wide = Array.from({ length: 40_000 }, (_, index) => line(kept(`s${index}`, 1)))
  await writeFile(archive, wide.join(''))
  const healer = fileHealer(archive)
  const asking = new AbortController()
  const broken = healer.heal(askFor({ stream: 's39999', signal: asking.signal }))
  asking.abort(new Error('not wanted'))
  await expect(broken).rejects.toThrow('not wanted')
  expect(await found(healer, { stream: 's39999' })).toEqual(['s39999-1'])
  expect(await found(healer, { stream: 's7' })).toEqual(['s7-1'])
})

test('a question reads a small part of a file that is known (I7)', async () => {
  const text = Array.from({ length: 60_000 }, (_, index) =>
    line(kept(`s${Math.floor(index / 100)}`, index % 100)),
  )
  await writeFile(archive, text.join(''))
  const { size } = await stat(archive)
  const blocks = new StreamBlocks()
  let start = 0
  text.forEach((one, index) => {
    const end = start + one.length
    blocks.note({ name: `s${Math.floor(index / 100)}` }, { start, end })
    start = end
  })
  expect(blocks.end).toBe(size)
  const read = blocks.partsOf('s300').reduce((sum, part) => sum + part.end - part.start, 0)
  expect(read).toBeLessThan(size / 10)
  expect(await found(fileHealer(archive), { stream: 's300', from: 5, to: 6 })).toEqual(['s300-5', 's300-6'])
})

test('no block that has a line of a stream is ever passed over', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.string(), fc.integer({ min: 1, max: 30_000 })), { maxLength: 200 }),
      (given) => {
        const blocks = new StreamBlocks()
        let start = 0
        const places = given.map(([stream, length]) => {
          const end = start + length
          blocks.note({ name: stream }, { start, end })
          const own = { stream, start, end }
          start = end
          return own
        })
        for (const { stream, ...own } of places) {
          expect(blocks.partsOf(stream).some((part) => part.start <= own.start && own.end <= part.end)).toBe(
            true,
          )
        }
      },
    ),
  )
})

test.each([[{ lineBytesMax: 0 }], [{ eventFrom: 'x' }]])('options are checked: %j', (options) => {
  expect(() => fileHealer(archive, options as object)).toThrow(/^fileHealer: (lineBytesMax|eventFrom) takes/)
})

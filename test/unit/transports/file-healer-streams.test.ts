// Finding the lines of a stream in an archive: what counts is what the mapping says of a line, whatever the
// line looks like, however often it was asked about before (I3).
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { EventFrom } from '../../../src/core/event-from.ts'
import { eventFrom as plain } from '../../../src/core/event-from.ts'
import { parseMessage, readText } from '../../../src/core/parse-message.ts'
import type { Healer } from '../../../src/ports/healer.ts'
import { fileHealer } from '../../../src/transports/file.ts'
import { askFor, idsOf, kept } from '../../conformance/healer-laws.ts'

let folder: string
let archive: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inturn-archive-'))
  archive = join(folder, 'archive.ndjson')
})
afterEach(() => rm(folder, { recursive: true }))

const line = (message: unknown): string => `${JSON.stringify(message)}\n`
const found = async (
  healer: Healer,
  fields: Parameters<typeof askFor>[0] = {},
): Promise<readonly unknown[]> => idsOf(await healer.heal(askFor(fields)))

const mappings: Readonly<Record<string, EventFrom>> = {
  plain,
  joined: (message) => ({
    ...plain(message),
    stream: `${String(message['org'])}/${String(message['user'])}`,
  }),
  'upper-cased': (message) => ({ ...plain(message), stream: String(message['user']).toUpperCase() }),
  'a number': (message) => ({ ...plain(message), stream: Number(message['user']) }),
  'a sum': (message) => ({ ...plain(message), stream: Number(message['org']) + Number(message['user']) }),
  shortened: (message) => ({ ...plain(message), stream: String(message['user']).slice(0, 1) }),
  'one for all': (message) => ({ ...plain(message), stream: 'all' }),
  picky: (message) => {
    if (message['org'] === '0') throw new Error('no such organisation')
    return { ...plain(message), stream: message['user'] }
  },
}

const user = fc.oneof(fc.constantFrom('007', '1e3', '1000', 'müller', 'ab', 'AB', '\u{1f600}'), fc.string())
const word = fc.tuple(user, fc.constantFrom('0', '1', 'x'))

for (const [name, eventFrom] of Object.entries(mappings)) {
  test(`every question finds what the mapping says is there, first or later: ${name}`, async () => {
    const property = fc.asyncProperty(fc.array(word, { maxLength: 30 }), async (words) => {
      // The second of three lines is written with escapes, the third with its numbers in another form.
      const texts = words.map(([given, org], index) => {
        const text = JSON.stringify({ user: given, stream: given, org, sequence: index, id: `e${index}` })
        const odd = text.replaceAll(/[^ -!#-[\]-~]|[a-d]/g, escaped)
        return index % 3 === 1 ? odd : text
      })
      await writeFile(archive, texts.map((text) => `${text}\n`).join(''))
      const streamOf = (text: string): string | undefined => {
        const parsed = parseMessage(text, eventFrom)
        return 'fields' in parsed ? readText(parsed.fields.stream) : undefined
      }
      const healer = fileHealer(archive, { eventFrom })
      const streams = new Set(texts.map(streamOf).filter((stream) => stream !== undefined))
      for (const stream of [...streams, ...streams, 'nobody']) {
        const expected = texts.filter((text) => streamOf(text) === stream)
        expect(await healer.heal(askFor({ stream, from: 0, to: 100 }))).toEqual(expected)
      }
    })
    await fc.assert(property, { numRuns: 30 })
  })
}

function escaped(text: string): string {
  return text.replaceAll(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

test('a stream that is written as a number is found by the text that it stands for', async () => {
  await writeFile(archive, '{"stream":1e3,"sequence":1,"id":"x"}\n{"stream":1000.0,"sequence":2,"id":"y"}\n')
  const healer = fileHealer(archive)
  for (let times = 0; times < 3; times++) {
    expect(await found(healer, { stream: '1000' })).toEqual(['x', 'y'])
  }
})

test('whoever asks says how messages are read, where the healer was told nothing else', async () => {
  await writeFile(archive, line({ id: 'x', order: 'a', revision: 4 }))
  const eventFrom: EventFrom = (message) => ({ stream: message['order'], sequence: message['revision'] })
  const healer = fileHealer(archive)
  expect(await found(healer)).toEqual([])
  for (let times = 0; times < 2; times++) expect(await found(healer, { eventFrom })).toEqual(['x'])
  expect(await found(healer)).toEqual([])
  expect(await found(fileHealer(archive, { eventFrom: plain }), { eventFrom })).toEqual([])
})

test('domains with fields of their own may share an archive: it is read through once for each', async () => {
  const lines = Array.from({ length: 400 }, (_, index) =>
    line({ id: `e${index}`, order: `o${index}`, item: `i${index}`, n: 1, pad: 'x'.repeat(1_000) }),
  )
  await writeFile(archive, lines.join(''))
  const calls = { order: 0, item: 0 }
  const fieldsOf =
    (name: 'order' | 'item'): EventFrom =>
    (message) => {
      calls[name]++
      return { stream: message[name], sequence: message['n'] }
    }
  const [byOrder, byItem] = [fieldsOf('order'), fieldsOf('item')]
  const healer = fileHealer(archive)
  for (const index of [3, 390, 200]) {
    expect(await found(healer, { stream: `o${index}`, from: 1, eventFrom: byOrder })).toEqual([`e${index}`])
    expect(await found(healer, { stream: `i${index}`, from: 1, eventFrom: byItem })).toEqual([`e${index}`])
  }
  expect(calls.order).toBeLessThan(2 * lines.length)
  expect(calls.item).toBeLessThan(2 * lines.length)
})

test('a mapping that could not read a line at first is asked about it again', async () => {
  await writeFile(archive, line(kept('a', 1)))
  let isReady = false
  const eventFrom: EventFrom = (message) => {
    if (!isReady) throw new Error('the table of names is not loaded yet')
    return plain(message)
  }
  const healer = fileHealer(archive, { eventFrom })
  expect(await found(healer)).toEqual([])
  isReady = true
  expect(await found(healer)).toEqual(['a-1'])
})

test('copies, and lines of other domains, keep no number out', async () => {
  const copies = Array.from({ length: 50 }, () => line(kept('a', 1))).join('')
  const others = Array.from({ length: 50 }, (_, index) =>
    line({ stream: 'a', sequence: 1, id: `other-${index}`, type: 'chat.said' }),
  ).join('')
  await writeFile(archive, `${copies}${others}${line(kept('a', 2))}${line(kept('a', 3))}`)
  const ids = await found(fileHealer(archive), { limit: 3 })
  expect(ids).toEqual(['a-1', 'other-0', 'other-1', 'other-2', 'a-2', 'a-3'])
  expect(await found(fileHealer(archive), { limit: 2 })).not.toContain('a-3')
})

test('an archive in another one’s place is read anew, however alike they are', async () => {
  const same = Array.from({ length: 2_000 }, (_, index) => line(kept('same', index))).join('')
  const with_ = (stream: string): string => `${same}${line(kept(stream, 1))}${same}`
  await writeFile(archive, with_('b'))
  const healer = fileHealer(archive)
  expect(await found(healer)).toEqual([])
  await writeFile(`${archive}.new`, with_('a'))
  await rename(`${archive}.new`, archive)
  expect(await found(healer)).toEqual(['a-1'])
  await writeFile(archive, with_('c'))
  expect(await found(healer, { stream: 'c' })).toEqual(['c-1'])
})

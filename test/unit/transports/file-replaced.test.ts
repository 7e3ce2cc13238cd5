// A file that is not the one that was read: replaced, restored, cut, written anew in place, and alike at its
// beginning and its end. Nothing of it is ever taken as done (I4).
import { execFileSync, spawn } from 'node:child_process'
import { appendFile, copyFile, mkdtemp, open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Checkpoint } from '../../../src/ports/source.ts'
import { fileHealer, fileSink, fileSource } from '../../../src/transports/file.ts'
import type { LineDelivery } from '../../../src/transports/file/line-delivery.ts'
import { askFor } from '../../conformance/healer-laws.ts'

let folder = ''
let path = ''
let note: string | undefined
const checkpoint: Checkpoint = {
  load: async () => note,
  save: async (value) => void (note = value),
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inturn-file-'))
  path = join(folder, 'events.ndjson')
  note = undefined
})
afterEach(() => rm(folder, { recursive: true }))

type Source = ReturnType<typeof fileSource>
const signal = new AbortController().signal

async function opened(options: Parameters<typeof fileSource>[1] = {}): Promise<Source> {
  const source = fileSource(path, { pollMs: 1, checkpointMs: 1, ...options })
  await source.open(checkpoint)
  return source
}

const read = (source: Source, max = 1_000): Promise<readonly LineDelivery[]> =>
  source.read({ max, waitMs: 0, signal })
/** Waits, as a worker does, until something has come. */
const next = (source: Source): Promise<readonly LineDelivery[]> =>
  source.read({ max: 1_000, waitMs: 60_000, signal })
const texts = (lines: readonly LineDelivery[]): unknown[] => lines.map(({ message }) => message)

/** Everything that a run over the file delivers and settles. */
async function run(): Promise<unknown[]> {
  const source = await opened()
  const all: unknown[] = []
  for (let lines = await read(source); lines.length > 0; lines = await read(source)) {
    all.push(...texts(lines))
    await source.settle(lines)
  }
  await source.close()
  return all
}

const fileOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('')
/** Lines of one length that differ in their middle only. */
const numbered = (from: number, to: number, name = 'a', pad = 100): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => {
    const number = String(from + index).padStart(6, '0')
    return `${'-'.repeat(pad)}${name}${number}${'-'.repeat(pad)}`
  })

/** How another file comes to stand at the path. */
const ways: Readonly<Record<string, (text: string) => Promise<void>>> = {
  'another file in its place': async (text) => {
    await writeFile(`${path}.new`, text)
    await rename(`${path}.new`, path)
  },
  'deleted and made anew': async (text) => {
    await rm(path)
    await writeFile(path, text)
  },
  'written anew in place': (text) => writeFile(path, text),
  'copied, cut and written again': async (text) => {
    await copyFile(path, `${path}.1`)
    const handle = await open(path, 'r+')
    await handle.truncate(0)
    await handle.write(text, 0)
    await handle.close()
  },
}

describe('after a restart', () => {
  for (const [way, put] of Object.entries(ways)) {
    test(`a file that begins and ends alike is read from its beginning: ${way}`, async () => {
      const header = numbered(1, 2_000, 'same')
      const before = [...header, ...numbered(1, 20), ...header]
      const after = [...header, ...numbered(1, 20, 'b'), ...header]
      await writeFile(path, fileOf(before))
      expect(await run()).toEqual(before)
      await put(fileOf([...after, 'and more']))
      expect(await run()).toEqual([...after, 'and more'])
    })

    test(`a file of the same bytes is read on, whatever became of it: ${way}`, async () => {
      const lines = numbered(1, 2_000)
      await writeFile(path, fileOf(lines))
      expect(await run()).toEqual(lines)
      await put(fileOf([...lines, 'and more']))
      expect(await run()).toEqual(['and more'])
    })
  }

  test('what is read is what the settled beginning does not have, for any two files', async () => {
    const line = fc.constantFrom('', 'a', 'b', 'aa', 'ab')
    const file = fc.array(line, { maxLength: 8 })
    const property = fc.asyncProperty(file, file, fc.nat(8), fc.nat(8), async (...given) => {
      const [old, other, kept, settled] = given
      note = undefined
      await writeFile(path, fileOf(old))
      const source = await opened()
      const lines = await read(source)
      await source.settle(lines.slice(0, settled))
      await source.close()
      const done = lines.slice(0, settled).at(-1)?.place.end ?? 0
      const now = fileOf([...old.slice(0, kept), ...other])
      await writeFile(path, now)
      const isSame = now.startsWith(fileOf(old).slice(0, done))
      const expected = (isSame ? now.slice(done) : now).split('\n').filter((text) => text !== '')
      expect(await run()).toEqual(expected)
    })
    await fc.assert(property, { numRuns: 60 })
  })

  test('a place that was kept for another form of note is no place', async () => {
    await writeFile(path, 'a\nb\n')
    note = '{"offset":2,"line":1,"head":"x"}'
    expect(await run()).toEqual(['a', 'b'])
  })
})

describe('while it is read', () => {
  test.each([10, 20, 30])(
    'a followed file of %i lines in place of 20 is read from its beginning, at its end or before it',
    async (length) => {
      for (const isAtEnd of [true, false]) {
        await writeFile(path, fileOf(numbered(1, 20)))
        note = undefined
        const source = await opened({ follow: true })
        await source.settle(await read(source))
        expect(isAtEnd ? await read(source) : []).toEqual([])
        const lines = numbered(101, 100 + length)
        await writeFile(path, fileOf(lines))
        expect(texts(await next(source))).toEqual(lines)
        await source.close()
      }
    },
  )

  test('a file that is read once is read from its beginning too, if there was more to read', async () => {
    // More than is read at once, so that the rest is another file's by then.
    const old = numbered(1, 2_000)
    await writeFile(path, fileOf(old))
    const source = await opened()
    const first = await read(source, 10)
    const lines = numbered(5_001, 7_500)
    await writeFile(path, fileOf(lines))
    const rest: LineDelivery[] = []
    for (let more = await read(source); more.length > 0; more = await read(source)) rest.push(...more)
    expect(await source.isCaughtUp()).toBe(false)
    await source.settle([...first, ...rest])
    const anew: unknown[] = []
    while (!(await source.isCaughtUp())) anew.push(...texts(await read(source)))
    expect(anew).toEqual(lines)
    await source.close()
  })

  test('no place is kept in a file that was written anew before what was read was settled', async () => {
    await writeFile(path, fileOf(numbered(1, 20)))
    const source = await opened()
    const lines = await read(source)
    await writeFile(path, fileOf(numbered(101, 130)))
    await source.settle(lines.slice(0, 10))
    await source.close()
    expect(JSON.parse(String(note))).toMatchObject({ offset: 0 })
    expect(await run()).toEqual(numbered(101, 130))
  })

  test('places have one name while the file only grows, and another one in another file', async () => {
    const placesNow = async () => {
      const source = await opened()
      const lines = await read(source)
      await source.settle(lines.slice(0, 5))
      await source.close()
      return lines.map(({ logPlace }) => logPlace)
    }
    await writeFile(path, fileOf(numbered(1, 20)))
    const first = await opened()
    const before = (await read(first)).map(({ logPlace }) => logPlace)
    expect(before[0]?.log).toEqual(expect.any(String))
    expect(before.map((place) => Number(place?.at))).toEqual(before.map((_, at) => at * 208))
    // Nothing is settled yet, and the process is gone.
    await appendFile(path, fileOf(numbered(21, 22)))
    expect((await placesNow()).slice(0, 20)).toEqual(before)
    expect((await placesNow()).slice(0, 15)).toEqual(before.slice(5))
    await writeFile(path, fileOf(numbered(101, 130)))
    expect((await placesNow())[0]?.log).not.toBe(before[0]?.log)
    await first.close()
    const names = []
    for (const content of [numbered(1, 5), [], numbered(1, 5)]) {
      await writeFile(path, fileOf(content))
      names.push(...(await placesNow()).map((place) => place?.log))
    }
    expect(new Set(names).size).toBe(2)
  })

  test('a file that was put back is read on', async () => {
    await writeFile(path, fileOf(numbered(1, 20)))
    const source = await opened({ follow: true })
    await source.settle(await read(source))
    await rename(path, `${path}.away`)
    expect(await read(source)).toEqual([])
    await rename(`${path}.away`, path)
    await appendFile(path, 'more\n')
    expect(texts(await next(source))).toEqual(['more'])
    await source.close()
  })
})

describe('what is no file', () => {
  test('a pipe is refused as source, healer and sink, and nothing is taken from it', async () => {
    execFileSync('mkfifo', [path])
    const writer = spawn('sh', ['-c', `printf 'a\\nb\\n' > '${path}'`])
    const refused = { code: 'source-unavailable', retryable: false }
    for (const follow of [false, true]) await expect(opened({ follow })).rejects.toMatchObject(refused)
    await expect(opened()).rejects.toThrow('it is a pipe or a device, which cannot be read again')
    await expect(fileHealer(path).heal(askFor())).rejects.toMatchObject(refused)
    const unavailable = { code: 'sink-unavailable', retryable: false }
    await expect(fileSink(path).open()).rejects.toMatchObject(unavailable)
    expect(writer.exitCode).toBeNull()
    expect(execFileSync('cat', [path]).toString()).toBe('a\nb\n')
  })

  test('a device is refused', async () => {
    expect((await stat('/dev/null')).isFile()).toBe(false)
    const device = fileSource('/dev/null')
    await expect(device.open(checkpoint)).rejects.toMatchObject({ code: 'source-unavailable' })
  })
})

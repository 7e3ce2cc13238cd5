// The file source beyond the laws of all sources: lines, places, checkpoints, and files that change under it.
import { appendFile, mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { InturnError } from '../../../src/core/errors.ts'
import type { Checkpoint, Delivery, Source } from '../../../src/ports/source.ts'
import { fileSource } from '../../../src/transports/file.ts'

let folder = ''
let path = ''
let note: string | undefined
const checkpoint: Checkpoint = {
  load: () => Promise.resolve(note),
  save: (value) => {
    note = value
    return Promise.resolve()
  },
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inturn-file-'))
  path = join(folder, 'events.ndjson')
  note = undefined
})

afterEach(() => rm(folder, { recursive: true }))

async function opened(
  options: Parameters<typeof fileSource>[1] = {},
): Promise<ReturnType<typeof fileSource>> {
  const source = fileSource(path, { pollMs: 1, ...options })
  await source.open(checkpoint)
  return source
}

function read<Message extends Delivery>(source: Source<Message>): Promise<readonly Message[]> {
  return source.read({ max: 100, waitMs: 0, signal: new AbortController().signal })
}

/** Waits, as a worker does, until something has come. */
function next<Message extends Delivery>(source: Source<Message>): Promise<readonly Message[]> {
  return source.read({ max: 100, waitMs: 60_000, signal: new AbortController().signal })
}

function texts(deliveries: readonly Delivery[]): unknown[] {
  return deliveries.map(({ message }) => (message instanceof Uint8Array ? [...message] : message))
}

describe('the lines of a file', () => {
  test('are counted with the blank ones, which are no events', async () => {
    await writeFile(path, 'a\n\n  \t\nb\r\n\nc')
    const source = await opened()
    const lines = [...(await read(source)), ...(await read(source))]
    expect(texts(lines)).toEqual(['a', 'b\r', 'c'])
    expect(lines.map(({ origin }) => origin)).toEqual([`${path}:1`, `${path}:4`, `${path}:6`])
    expect(await read(source)).toEqual([])
    await source.close()
  })

  test('of white space that JSON does not know are no blank ones, as for an audit', async () => {
    await writeFile(path, ' \u00a0\n\t\u2003\r\n \v\f\n')
    const source = await opened()
    expect(texts(await read(source))).toEqual([' \u00a0', '\t\u2003\r'])
    await source.close()
  })

  test('lose a byte order mark, and nothing else', async () => {
    await writeFile(path, '\ufeff{"a":1}\n\ufeffx\n')
    const source = await opened()
    expect(texts(await read(source))).toEqual(['{"a":1}', '\ufeffx'])
    await source.close()
  })

  test('that are no UTF-8 come as their bytes, and their neighbours as text', async () => {
    await writeFile(path, Buffer.from([0x61, 0x0a, 0xff, 0xfe, 0x0a, 0x62, 0x0a]))
    const source = await opened()
    expect(texts(await read(source))).toEqual(['a', [0xff, 0xfe], 'b'])
    await source.close()
  })

  test('that are too long keep their beginning and say so, wherever the reads cut them', async () => {
    const long = 'x'.repeat(600_000)
    await writeFile(path, `a\n${long}\nbb\n${'y'.repeat(9)}\nccc\n${'ž'.repeat(600_000)}`)
    const source = await opened({ lineBytesMax: 8 })
    const lines: Delivery[] = []
    for (let got = await read(source); got.length > 0; got = await read(source)) lines.push(...got)
    const lengths = lines.map(({ message }) => (message instanceof Uint8Array ? message.length : message))
    expect(lengths).toEqual(['a', 8, 'bb', 8, 'ccc', 8])
    expect(lines.map(({ fullBytes }) => fullBytes)).toEqual([
      undefined,
      600_000,
      undefined,
      9,
      undefined,
      1_200_000,
    ])
    expect(lines[1]?.origin).toBe(`${path}:2 (the first 8 of 600000 bytes)`)
    expect(lines[3]?.origin).toBe(`${path}:4 (the first 8 of 9 bytes)`)
    expect(lines[5]?.origin).toBe(`${path}:6 (the first 8 of 1200000 bytes)`)
    await source.close()
  })

  test('are the same however many bytes lie before them', async () => {
    const lines = Array.from({ length: 5_000 }, (_, index) => `${'ž'.repeat(index % 300)}${index}`)
    await writeFile(path, `${lines.join('\n')}\n`)
    const source = await opened()
    const got: unknown[] = []
    for (let some = await read(source); some.length > 0; some = await read(source)) got.push(...texts(some))
    expect(got).toEqual(lines)
    await source.close()
  })
})

describe('a file that cannot be read', () => {
  test.each([
    ['missing', (): Promise<void> => Promise.resolve(), 'there is no such file'],
    [
      'a directory',
      (): Promise<void> => mkdtemp(`${path}-`).then((made) => rename(made, path)),
      'a directory',
    ],
  ])('is source-unavailable when it is %s, and no retry will help', async (_what, prepare, says) => {
    await prepare()
    const error = await opened().catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(InturnError)
    expect(error).toMatchObject({ code: 'source-unavailable', retryable: false })
    expect(String(error)).toContain(says)
  })

  test('is waited for when it is followed', async () => {
    const source = await opened({ follow: true })
    expect(await read(source)).toEqual([])
    expect(await source.isCaughtUp()).toBe(true)
    const reading = next(source)
    await writeFile(path, 'a\n')
    expect(texts(await reading)).toEqual(['a'])
    await source.close()
  })
})

describe('the last line without its newline', () => {
  test('counts in a file that is read to its end, and does not come again', async () => {
    await writeFile(path, 'a\nb')
    const first = await opened()
    await first.settle([...(await read(first)), ...(await read(first))])
    await first.close()
    const second = await opened()
    expect(await read(second)).toEqual([])
    await second.close()
  })

  test('comes again, whole, if it was only the beginning of a line', async () => {
    await writeFile(path, 'a\nb')
    const first = await opened()
    await first.settle([...(await read(first)), ...(await read(first))])
    await first.close()
    await appendFile(path, 'bb\nc\n')
    const second = await opened()
    const lines = await read(second)
    expect(texts(lines)).toEqual(['bbb', 'c'])
    expect(lines[0]?.origin).toBe(`${path}:2`)
    await second.close()
  })

  test('is not mistaken for a beginning when only its newline comes', async () => {
    await writeFile(path, 'a\nb')
    const first = await opened()
    await first.settle([...(await read(first)), ...(await read(first))])
    await first.close()
    await appendFile(path, '\nc\n')
    const second = await opened()
    const lines = await read(second)
    expect(texts(lines)).toEqual(['c'])
    expect(lines[0]?.origin).toBe(`${path}:3`)
    await second.close()
  })

  test('waits for its rest in a file that is followed', async () => {
    await writeFile(path, 'a\nb')
    const source = await opened({ follow: true })
    expect(texts(await read(source))).toEqual(['a'])
    expect(await read(source)).toEqual([])
    await appendFile(path, 'b\n')
    expect(texts(await next(source))).toEqual(['bb'])
    await source.close()
  })
})

describe('a file that changes', () => {
  test('is read from its beginning after a restart if another one has taken its place', async () => {
    await writeFile(path, 'a\nb\n')
    const first = await opened()
    await first.settle(await read(first))
    await first.close()
    await writeFile(path, 'x\ny\nz\n')
    const second = await opened()
    expect(texts(await read(second))).toEqual(['x', 'y', 'z'])
    await second.close()
  })

  test('is read from its beginning after a restart if it was cut', async () => {
    await writeFile(path, 'a\nb\n')
    const first = await opened()
    await first.settle(await read(first))
    await first.close()
    await truncate(path, 2)
    const second = await opened()
    expect(texts(await read(second))).toEqual(['a'])
    await second.close()
  })

  test('is read to its end when it is rotated, and the next one once everything is settled', async () => {
    await writeFile(path, 'a\n')
    const source = await opened({ follow: true })
    const first = await read(source)
    expect(await read(source)).toEqual([])
    await appendFile(path, 'b\nc')
    await rename(path, `${path}.1`)
    await writeFile(path, 'd\n')
    const rest = [...(await next(source)), ...(await next(source))]
    expect(texts(rest)).toEqual(['b', 'c'])
    expect(await read(source)).toEqual([])
    expect(await source.isCaughtUp()).toBe(false)
    await source.settle([...rest, ...first])
    const last = await next(source)
    expect(texts(last)).toEqual(['d'])
    expect(last[0]?.origin).toBe(`${path}:1`)
    expect(await source.isCaughtUp()).toBe(true)
    await source.close()
  })

  test.each(['x\n', 'a longer line than before\n'])(
    'is read from its beginning when it is written anew while it is followed: %j',
    async (text) => {
      await writeFile(path, 'aaaa\n')
      const source = await opened({ follow: true })
      await source.settle(await read(source))
      expect(await read(source)).toEqual([])
      await writeFile(path, text)
      expect(texts(await next(source))).toEqual([text.trimEnd()])
      await source.close()
    },
  )

  test('does not grow while it is read to its end', async () => {
    await writeFile(path, 'a\n')
    const source = await opened()
    await appendFile(path, 'b\n')
    expect(texts(await read(source))).toEqual(['a'])
    expect(await read(source)).toEqual([])
    expect(await source.isCaughtUp()).toBe(true)
    await source.close()
  })
})

describe('a checkpoint', () => {
  test('that cannot be read, or not be kept, costs nothing but copies', async () => {
    await writeFile(path, 'a\nb\n')
    note = '{"offset":"far"}'
    const source = fileSource(path)
    await source.open({
      load: () => Promise.resolve(note),
      save: () => Promise.reject(new Error('no store')),
    })
    const lines = await read(source)
    expect(texts(lines)).toEqual(['a', 'b'])
    await source.settle(lines)
    await expect(source.close()).rejects.toThrow('no store')
  })

  test('is kept while the file is read, not only at its end', async () => {
    await writeFile(path, 'a\nb\n')
    const source = await opened()
    await source.settle((await read(source)).slice(0, 1))
    const [kept] = [note]
    expect(kept).toBeDefined()
    await source.close()
  })
})

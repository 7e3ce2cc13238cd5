// The file sink behind a crash: the file is valid NDJSON again before anything follows, what is whole stays,
// and what was never an event is left alone (I3).
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { SinkMessage } from '../../../src/ports/sink.ts'
import { fileSink } from '../../../src/transports/file.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inturn-file-sink-'))
  path = join(folder, 'events.ndjson')
})
afterEach(() => rm(folder, { recursive: true }))

const patient = { signal: new AbortController().signal }

function message(sequence: number, text = 'ž'): SinkMessage {
  const named = { domain: 'account', stream: 'a', sequence, id: `e${sequence}`, type: 't' }
  return { ...named, partitionKey: 'a', json: JSON.stringify({ ...named, text }) }
}

async function send(...messages: readonly SinkMessage[]): Promise<void> {
  const sink = fileSink(path)
  await sink.open()
  await sink.send(messages, patient)
  await sink.close()
}

test('wherever a crash has cut the file, it is whole lines again, and what was whole is there', async () => {
  const messages = [1, 2, 3].map((sequence) => message(sequence, 'žluťoučký {"kůň"}\\'))
  const whole = Buffer.from(messages.map(({ json }) => `${json}\n`).join(''))
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: whole.length }),
      fc.nat({ max: 9_000 }),
      async (cut, zeros) => {
        await writeFile(
          path,
          Buffer.concat([whole.subarray(0, cut), Buffer.alloc(cut % 3 === 0 ? zeros : 0)]),
        )
        await send(message(9))
        const lines = (await readFile(path, 'utf8')).split('\n')
        expect(lines.pop()).toBe('')
        const kept = messages.filter((_, index) => {
          const end = Buffer.byteLength(
            messages
              .slice(0, index + 1)
              .map(({ json }) => `${json}\n`)
              .join(''),
          )
          return end <= cut || (end - 1 === cut && (cut % 3 !== 0 || zeros === 0))
        })
        expect(lines).toEqual([...kept, message(9)].map(({ json }) => json))
      },
    ),
    { numRuns: 150 },
  )
})

test('a torn line longer than what is looked at in one piece is cut off whole', async () => {
  await send(message(1))
  await appendFile(path, message(2, 'x'.repeat(300_000)).json.slice(0, -1))
  await send(message(2))
  expect(await readFile(path, 'utf8')).toBe(`${message(1).json}\n${message(2).json}\n`)
})

test('the file is mended when it is opened, before anything is sent', async () => {
  await writeFile(path, `${message(1).json}\n{"domain":"acc`)
  const sink = fileSink(path)
  await sink.open()
  expect(await readFile(path, 'utf8')).toBe(`${message(1).json}\n`)
  await sink.close()
})

test('what a crash of another process left torn meanwhile is mended before the next line', async () => {
  const sink = fileSink(path)
  await sink.open()
  await sink.send([message(1)], patient)
  await appendFile(path, '{"domain":"acc')
  await sink.send([message(2)], patient)
  await sink.close()
  expect(await readFile(path, 'utf8')).toBe(`${message(1).json}\n${message(2).json}\n`)
})

test('a file that is no NDJSON is left alone', async () => {
  await writeFile(path, 'all my notes, for years')
  await expect(fileSink(path).open()).rejects.toMatchObject({ code: 'sink-unavailable', retryable: false })
  expect(await readFile(path, 'utf8')).toBe('all my notes, for years')
})

test('what waiting does not mend is said at once', async () => {
  const missing = fileSink(join(folder, 'no', 'events.ndjson')).open()
  await expect(missing).rejects.toMatchObject({ code: 'sink-unavailable', retryable: false })
  await mkdir(path)
  await expect(fileSink(path).open()).rejects.toMatchObject({ code: 'sink-unavailable', retryable: false })
  expect(() => fileSink('')).toThrow(/fileSink: path takes the path of a file, not an empty text/)
})

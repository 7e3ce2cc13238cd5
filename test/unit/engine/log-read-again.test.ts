// A counter that wraps, in a file whose checkpoint lags: what is read again is known again, however many
// turns of the counter it lies back.
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { contiguous } from '../../../src/core/numbering.ts'
import { defaultStreamLimits } from '../../../src/core/rules.ts'
import { streamPath } from '../../../src/core/stream-path.ts'
import { createWorker } from '../../../src/engine/worker.ts'
import { resume, skip } from '../../../src/operate/operate-stream.ts'
import { seek } from '../../../src/operate/seek.ts'
import { plainStore } from '../../../src/ports/around-store.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import { fileSource } from '../../../src/transports/file.ts'

let folder = ''
let path = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inturn-again-'))
  path = join(folder, 'readings.ndjson')
})
afterEach(() => rm(folder, { recursive: true }))

const linesOf = (from: number, to: number, epoch: number): string =>
  Array.from({ length: to - from }, (_, at) => {
    const n = from + at
    return `${JSON.stringify({ stream: 'meter', sequence: n % 256, epoch, data: `${epoch}/${n}` })}\n`
  }).join('')

describe('a log that is read again by more than half a turn of its counter (I1, I3)', () => {
  test.each([0, 3])('each event once, under its own number, with %i epochs in between', async (epochs) => {
    const data = memoryStore()
    const store = data.beside({})
    await store.open()
    const handled: unknown[] = []
    const wrong: unknown[] = []
    const run = async () => {
      const source = fileSource(path, { checkpointMs: 1 })
      const handle = ({ data, epoch, sequence }: InturnEvent) => {
        handled.push(data)
        if (data !== `${epoch}/${String(sequence)}`) wrong.push([data, epoch, sequence])
      }
      const meter = {
        numbering: contiguous({ start: 0, modulus: 256 }),
        effects: 'external',
        handle,
      } as const
      const durable = plainStore(data.beside({}), { durable: true })
      const worker = createWorker({ consumer: 'billing', store: durable, source, domains: { meter } })
      await worker.run({ until: 'caught-up' })
      return store.checkpoint('billing', source.name)
    }
    await writeFile(path, linesOf(0, 100, 0))
    const early = await run()
    await appendFile(path, linesOf(100, 900, 0))
    // Another worker has the stream meanwhile: everything is handed over.
    const streams = [streamPath('meter', 'meter')]
    const request = { consumer: 'billing', worker: 'other', streams, mode: 'claim', claimMs: 60_000 } as const
    const running = await store.work(request, async () => {
      const second = run()
      await expect
        .poll(async () => (await store.reader.domains('billing')).get('meter')?.handedOver)
        .toBe(800)
      const [entry] = await store.reader.inbox('billing', { limit: 1 })
      expect(typeof entry?.logPlace?.at).toBe('number')
      return { second }
    })
    await running.value.second
    await run()
    expect(handled).toHaveLength(900)
    await appendFile(path, linesOf(900, 1_500, 0))
    for (let epoch = 1; epoch <= epochs; epoch++) await appendFile(path, linesOf(0, 1_000, epoch))
    await run()
    const before = [...handled]
    expect(before).toHaveLength(1_500 + epochs * 1_000)
    for (let times = 0; times < 3; times++) {
      await store.checkpoint('billing', `file ${path}`, String(early))
      await run()
    }
    await appendFile(path, linesOf(epochs === 0 ? 1_500 : 1_000, 1_600, epochs))
    await run()
    expect(handled.slice(0, before.length)).toEqual(before)
    expect(handled).toHaveLength(before.length + (epochs === 0 ? 100 : 600))
    expect(wrong).toEqual([])
    expect(await store.reader.deadLetters('billing', { limit: 10 })).toEqual([])
  })
})

test.each(['skip', 'seek'])('and after an operator has gone on by %s and resume (I1, I3)', async (way) => {
  const data = memoryStore()
  const store = plainStore(data.beside({}), { durable: true })
  await store.open()
  const handled: number[] = []
  const wrong: unknown[] = []
  const numbering = contiguous({ start: 0, modulus: 256 })
  const handle = ({ data, sequence }: InturnEvent): void => {
    handled.push(Number(sequence))
    if (data !== `0/${String(sequence)}`) wrong.push([data, sequence])
  }
  const run = async (): Promise<string | undefined> => {
    const source = fileSource(path, { checkpointMs: 1 })
    const meter = { numbering, effects: 'external', handle } as const
    const own = plainStore(data.beside({}), { durable: true })
    await createWorker({ consumer: 'billing', store: own, source, domains: { meter } }).run({
      until: 'caught-up',
    })
    return store.checkpoint('billing', source.name)
  }
  await writeFile(path, linesOf(0, 100, 0))
  const early = await run()
  // 512 is lost, and the counter goes more than a turn beyond it.
  await appendFile(path, linesOf(100, 512, 0) + linesOf(513, 913, 0))
  await run()
  const rules = { ...defaultStreamLimits, numbering, gapEnd: 'wait', patienceMs: 1_000 } as const
  const failure = { attempts: 5, then: 'halt' } as const
  const target = { store, consumer: 'billing', domains: new Map([['meter', { rules, failure }]]) }
  const request = { stream: streamPath('meter', 'meter'), by: 'ann', reason: 'the device was off' }
  if (way === 'skip') await skip(target, request)
  else await seek(target, { ...request, to: 512 })
  await run()
  await resume(target, request)
  // A kill, or another stream whose events are refused, has kept the checkpoint where it was.
  await store.checkpoint('billing', `file ${path}`, String(early))
  await run()
  expect(wrong).toEqual([])
  const expected = Array.from({ length: 913 }, (_, number) => number).filter((number) => number !== 512)
  expect(handled).toEqual(expected)
  expect(await store.reader.deadLetters('billing', { limit: 10 })).toEqual([])
})

// What cannot be read is known by all of its bytes and by where it was read, and is kept as it came. Proves
// I3: two different messages never become one dead letter.
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson } from '../../../src/core/fingerprint.ts'
import { unordered } from '../../../src/core/numbering.ts'
import { letterReader } from '../../../src/engine/letter-reader.ts'
import { createWorker } from '../../../src/engine/worker.ts'
import { deadLetterKey } from '../../../src/ports/dead-letter-key.ts'
import type { DeadLetter } from '../../../src/ports/records.ts'
import { aroundSource } from '../../../src/testing/around-source.ts'
import { fileSource } from '../../../src/transports/file.ts'
import { messageOf, ReadEntry } from '../../../src/transports/redis-streams/stream-entry.ts'
import { domain, EngineWorld, event } from './engine-world.ts'
import { WorkerWorld } from './worker-world.ts'

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')
const mebibyte = 1024 * 1024

async function lettersOf(messages: readonly unknown[], options: object = {}): Promise<readonly DeadLetter[]> {
  const world = new EngineWorld()
  await world.processor({}, options).process(messages)
  return world.deadLetters()
}

/** The dead letters of a worker that reads a file of these lines. */
async function lettersOfFile(lines: readonly Uint8Array[], runs = 1): Promise<readonly DeadLetter[]> {
  const folder = await mkdtemp(join(tmpdir(), 'inturn-unreadable-'))
  try {
    const path = join(folder, 'events.ndjson')
    await writeFile(path, Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')])))
    const world = new EngineWorld()
    for (let run = 0; run < runs; run++) {
      // Another name of the source has no checkpoint: everything is read again.
      const source = { ...aroundSource(fileSource(path), (_call, read) => read()), name: `run ${run}` }
      const { timers: _, ...options } = world.options({
        domains: { account: domain({ handle: world.note }) },
      })
      await createWorker({ ...options, source }).run({ until: 'caught-up' })
    }
    return await world.deadLetters()
  } finally {
    await rm(folder, { recursive: true })
  }
}

it('what its source could make no message of is invalid for that reason, however it looks', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'inturn-unreadable-'))
  try {
    const path = join(folder, 'events.ndjson')
    await writeFile(path, `${JSON.stringify(event('a', 1))}\n`)
    const world = new EngineWorld()
    const file = aroundSource(fileSource(path), (_call, read) => read())
    const read: typeof file.read = async (request) =>
      (await file.read(request)).map((one) => Object.assign(one, { problem: 'decode failed: by intent' }))
    const { timers: _, ...options } = world.options({
      domains: { account: domain({ handle: world.note }) },
    })
    await createWorker({ ...options, source: { ...file, read } }).run({ until: 'caught-up' })
    expect(world.calls).toEqual([])
    const [letter] = await world.deadLetters()
    expect(letter).toMatchObject({ reason: 'invalid', detail: 'decode failed: by intent' })
    expect(letter?.payload).toBe(JSON.stringify(event('a', 1)))
    expect(letter?.origin).toBe(`${path}:1`)
  } finally {
    await rm(folder, { recursive: true })
  }
})

describe('what cannot be read is known by its bytes', () => {
  const latin1 = (name: string): Uint8Array =>
    Buffer.from(`{"domain":"account","stream":"${name}","sequence":1}`, 'latin1')

  it('events that differ in one byte that is no UTF-8 are two dead letters, each exact', async () => {
    const messages = [latin1('M\u00fcller'), latin1('M\u00f6ller')]
    for (const letters of [await lettersOf(messages), await lettersOfFile(messages)]) {
      expect(letters.map(({ payload }) => payload)).toEqual(messages.map((one) => new Uint8Array(one)))
      expect(letters.map(({ digest }) => digest)).toEqual(messages.map(sha256))
      expect(letters.map(({ bytes }) => bytes)).toEqual(messages.map(({ length }) => length))
    }
  })

  it('whatever the bytes: one dead letter for each message, kept exactly, and none for a copy', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc.string({ unit: 'binary', maxLength: 8 }).map((text) => new TextEncoder().encode(text)),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 12 }), async (messages) => {
        const letters = await lettersOf([...messages, ...messages])
        const kept = letters.map(({ payload }) => Buffer.from(payload as Uint8Array).toString('hex'))
        const hex = new Set(messages.map((one) => Buffer.from(one).toString('hex')))
        expect(new Set(kept)).toEqual(hex)
        expect(kept).toHaveLength(hex.size)
        for (const [at, { digest }] of letters.entries()) {
          expect(digest).toBe(sha256(Buffer.from(kept[at] ?? '', 'hex')))
        }
      }),
    )
  })

  it('texts with half characters are told apart, and come back as they were', async () => {
    const messages = ['{"a":"\ud800', '{"a":"\ud801', '{"a":"\ufffd']
    const letters = await lettersOf([...messages, ...messages])
    expect(letters.map(({ payload }) => payload)).toEqual(messages)
  })

  it('objects with bytes are told apart, also from objects that look like bytes', async () => {
    const messages = [Uint8Array.of(1, 2), Uint8Array.of(1, 3), { 0: 1, 1: 2 }].map((raw) => ({ raw }))
    expect(await lettersOf([...messages, ...messages])).toMatchObject(
      messages.map((payload) => ({ payload })),
    )
  })

  it('long objects that have no JSON are told apart by their end', async () => {
    const long = (last: number): object => ({
      domain: 'account',
      data: [new Map(), ...Array.from({ length: 500 }, () => 0), last, 'x'.repeat(20_000)],
      last: [Number.NaN, last],
    })
    expect(await lettersOf([long(1), long(2), long(1)])).toHaveLength(2)
  })

  it('what such a message says of itself does not count: one id may be on two of them', async () => {
    const one = { domain: 'account', stream: 'a', id: '1', sequence: 'x' }
    const messages = [one, { ...one, sequence: 'y' }, { id: '1', data: 1 }, { id: '1', data: 2 }]
    expect(await lettersOf([...messages, ...messages])).toHaveLength(4)
  })

  it('an event that has its number is known by it and its id, whatever else it says', async () => {
    const one = event('a', 1, { data: Number.NaN })
    expect(
      await lettersOf([one, { ...one, seen: 2 }, event('a', 1, { id: 'other', data: Number.NaN })]),
    ).toHaveLength(2)
  })

  it('an event without tracking is known by its id', async () => {
    const world = new EngineWorld()
    const processor = world.processor({ numbering: unordered() })
    const one = { domain: 'account', id: '1', data: Number.NaN }
    await processor.process([one, { ...one, data: new Map() }, { ...one, id: '2' }])
    expect(await world.deadLetters()).toHaveLength(2)
  })
})

describe('what is too large is known by all of it', () => {
  const long = (end: string): Uint8Array => Buffer.from(`{"data":"${'x'.repeat(mebibyte)}${end}"}`)

  it('lines that share their first MiB: it is kept, with full length and digest', async () => {
    const lines = [long('1'), long('2'), long('33'), Buffer.from('\xff', 'latin1'), long('1')]
    const letters = await lettersOfFile(lines, 2)
    expect(letters).toHaveLength(5)
    for (const [at, letter] of letters.entries()) {
      const line = lines[at] ?? new Uint8Array()
      expect(letter).toMatchObject({ bytes: line.length, digest: sha256(line) })
      expect(letter.origin).toMatch(new RegExp(`events\\.ndjson:${at + 1}\\b`))
      if (at === 3) continue
      expect(letter.reason).toBe('too-large')
      expect(letter.payload === Buffer.from(line).toString('utf8', 0, mebibyte)).toBe(true)
    }
  })

  it('messages of any kind: whole where they have at most 16 MiB', async () => {
    const bytes = [long('1'), long('2'), Buffer.concat([long('1'), Uint8Array.of(0xff)])]
    const letters = await lettersOf([...bytes, Buffer.from(bytes[0] ?? '').toString()])
    expect(letters.map(({ digest }) => digest)).toEqual(bytes.map(sha256))
    expect(letters.map(({ payload }) => typeof payload)).toEqual(['string', 'string', 'object'])
    const blank = new Uint8Array(16 * mebibyte - 1).fill(0x20)
    const big = [1, 2].map((end) => Buffer.concat([blank, Buffer.from(`\u20ac${end}`)]))
    const cut = await lettersOf(big)
    expect(cut.map(({ bytes: length }) => length)).toEqual(big.map(({ length }) => length))
    expect(cut.map(({ payload }) => String(payload).length)).toEqual([blank.length, blank.length])
  })

  it('a beginning that looks like a whole event is neither delivered nor tried again', async () => {
    const world = new EngineWorld()
    const whole = JSON.stringify(event('a', 1))
    const [line] = await lettersOfFile([Buffer.from(`${whole}${' '.repeat(2 * mebibyte)}x`)])
    expect(line).toMatchObject({ reason: 'too-large' })
    const read = letterReader(world.options({ domains: { account: domain({ handle: world.note }) } }))
    const cut = { ...line, payload: whole } as DeadLetter
    expect(await read(cut)).toMatchObject({
      kind: 'unreadable',
      detail: expect.stringMatching(/sent again/) as string,
    })
  })
})

describe('where it was read counts', () => {
  it('the same bytes twice are two dead letters; read again, the same two', async () => {
    const world = new WorkerWorld()
    await world.source.push(['{broken', '{broken'])
    await world.runOut(world.worker())
    expect((await world.deadLetters()).map(({ origin }) => origin)).toEqual(['memory:1', 'memory:2'])
    expect(await lettersOfFile([Buffer.from('{'), Buffer.from('{')], 3)).toHaveLength(2)
  })
})

describe('the key of a dead letter', () => {
  const key = (id: string): string => deadLetterKey({ stream: 'account/a', sequence: 1, id, payload: 1 })

  it('differs for every two ids, with half characters, long ones and such as look like a digest', () => {
    const id = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units)),
      fc
        .array(fc.constantFrom('\ud800', '\udc00', '%', 'u', '~', 'd800', '\ufffd'))
        .map((parts) => parts.join('')),
      fc.string({ minLength: 500, maxLength: 520, unit: fc.constantFrom('a', 'b') }),
    )
    fc.assert(
      fc.property(id, id, (one, other) => {
        expect(key(one) === key(other)).toBe(one === other)
        expect(key(one)).toMatch(/^[\w./~%!'()*-]+$/)
        expect(key(one).length).toBeLessThan(5_000)
      }),
    )
    const noId = deadLetterKey({ stream: 'account/a', sequence: 1, payload: 1 })
    expect(key(noId.split('/').at(-1) ?? '')).not.toBe(noId)
  })
})

describe('an entry of a Redis stream', () => {
  const entry = (...pairs: readonly (readonly [string, string])[]): unknown =>
    messageOf(
      new ReadEntry(
        '1-0',
        pairs.map(([name, value]) => [Buffer.from(name, 'latin1'), Buffer.from(value, 'latin1')]),
      ),
    )

  it('whose fields no object can hold is a list of all of them, and no event', async () => {
    const messages = [
      entry(['stream', 'a'], ['n\xfc', '1']),
      entry(['stream', 'a'], ['n\xf6', '1']),
      entry(['stream', 'a'], ['stream', 'b']),
      entry(['stream', 'a'], ['stream', 'c']),
      entry(['data', '{"a":"\xfc"}']),
      entry(['data', '{"a":"\xf6"}']),
    ]
    expect(entry(['stream', 'a'], ['sequence', '1'])).toEqual({ stream: 'a', sequence: '1' })
    const letters = await lettersOf([...messages, ...messages])
    expect(letters.map(({ payload }) => canonicalJson(payload))).toEqual(messages.map(canonicalJson))
  })
})

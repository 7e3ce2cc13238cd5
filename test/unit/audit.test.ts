// The public entry for recorded logs: a program gets what the command line gets, from files and messages.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { audit, resequence, trace } from 'inturn/audit'
import type { RecordedMessage, TraceDecision } from 'inturn/audit'
import { afterAll, describe, expect, test } from 'vitest'
import { LogFolder } from './recorded/log-file.ts'

const folder = new LogFolder()
afterAll(() => folder.remove())

async function decisions(...given: Parameters<typeof trace>): Promise<TraceDecision[]> {
  const found: TraceDecision[] = []
  for await (const decision of trace(...given)) found.push(decision)
  return found
}

describe('audit', () => {
  test('reports what is missing, double and out of order, of a file', async () => {
    const path = folder.write(
      '{"user":{"id":"a"},"n":1}\n{"user":{"id":"a"},"n":4}\n{"user":{"id":"a"},"n":3}\n',
    )
    const report = await audit(path, { stream: 'user.id', sequence: 'n' })
    expect(report).toMatchObject({ events: 3, missing: 1, outOfOrder: 1, clean: false })
    expect(report.gaps).toEqual([{ stream: 'a', epoch: 0, from: 2, to: 2 }])
  })

  test('an epoch below 0 is none', async () => {
    const lines = [-1, '-1', 0].map((epoch) => ({ stream: 'a', sequence: 1, epoch }))
    const { invalidLines } = await audit(lines, { epoch: 'epoch' })
    expect(invalidLines.map(({ reason }) => reason)).toEqual(['epoch-below-zero', 'epoch-below-zero'])
  })

  test('reads messages as text, bytes and objects alike, from any iterable', async () => {
    async function* messages(): AsyncGenerator<RecordedMessage> {
      yield '{"stream":"a","sequence":1}'
      yield Buffer.from('{"stream":"a","sequence":2}')
      yield { stream: 'a', sequence: 3 }
    }
    expect(await audit(messages())).toMatchObject({ events: 3, unique: 3, clean: true })
  })

  const message = fc.record({ stream: fc.constantFrom('a', 'b'), sequence: fc.nat(20), id: fc.nat(2) })

  test('finds in messages what it finds in the file that has them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(message), fc.constantFrom(0, 2), async (messages, indent) => {
        const path = folder.write(messages.map((each) => `${JSON.stringify(each)}\n`).join(''))
        const texts = messages.map((each) => JSON.stringify(each, undefined, indent))
        expect(await audit(texts, { id: 'id' })).toEqual(await audit(path, { id: 'id' }))
        expect(await audit(messages, { id: 'id' })).toEqual(await audit(path, { id: 'id' }))
      }),
      { numRuns: 50 },
    )
  })

  test('takes a message for one line, whatever it holds', async () => {
    const broken = '{"stream":"a\nb","sequence":1}'
    const notText = Buffer.from([0x7b, 0xff, 0x0a, 0x7d])
    const two = '{"stream":"a","sequence":1}\n{"stream":"a","sequence":2}'
    const { events, invalidLines } = await audit([broken, notText, two, ''])
    expect(events).toBe(3)
    expect(invalidLines).toEqual([
      { line: 1, reason: 'not-json' },
      { line: 2, reason: 'not-utf-8' },
      { line: 3, reason: 'not-json' },
    ])
  })

  test('keeps every digit of a bigint', async () => {
    const messages = [2n ** 64n, 2n ** 64n + 1n].map((sequence) => ({ stream: 'a', sequence }))
    expect(await audit(messages, { numbering: 'increasing' })).toMatchObject({ unique: 2, clean: true })
  })

  test('gives on what the iterable throws, and ends the iterable', async () => {
    let isEnded = false
    function* failing(): Generator<RecordedMessage> {
      try {
        yield { stream: 'a', sequence: 1 }
        throw new Error('the broker is gone')
      } finally {
        isEnded = true
      }
    }
    await expect(audit(failing())).rejects.toThrow('the broker is gone')
    expect(isEnded).toBe(true)
  })

  test.for([
    [{ sequnce: 'n' }, 'config-invalid'],
    [{ memoryBytes: 0.5 }, 'config-invalid'],
    [{ gapsMax: -1 }, 'config-invalid'],
    [{ allowEmpty: false }, 'input-unreadable'],
    [{ stream: 'a..b' }, 'usage'],
  ] as const)('refuses %o as %s', async ([options, expected]) => {
    // @ts-expect-error -- JavaScript may give anything
    await expect(audit([], options)).rejects.toMatchObject({ code: expected })
  })
})

describe('resequence', () => {
  test('writes the messages in order, and what has no place to the rejects', async () => {
    const output = join(folder.path, 'ordered.ndjson')
    const rejects = join(folder.path, 'rejects.ndjson')
    const [one, two] = ['{"stream":"a","sequence":1}', '{"stream":"a","sequence":2}']
    const summary = await resequence([two, one, 'no event', two], { output, rejects })
    expect(summary).toMatchObject({ written: 2, duplicates: 1, invalid: 1 })
    expect(readFileSync(output, 'utf8')).toBe(`${one}\n${two}\n`)
    expect(readFileSync(rejects, 'utf8')).toBe('no event\n')
  })

  test('does not write over the log that it reads', async () => {
    const path = folder.write('{"stream":"a","sequence":1}\n')
    await expect(resequence(path, { output: path })).rejects.toMatchObject({ code: 'usage' })
  })
})

describe('trace', () => {
  test('says what the rules decide, in order', async () => {
    const messages = [1, 3, 2].map((sequence) => ({ stream: 'a', sequence }))
    const found = (await decisions(messages)).map(({ line, sequence, verdict }) => [line, sequence, verdict])
    expect(found).toEqual([
      [1, 1, 'deliver'],
      [2, 3, 'hold'],
      [3, 2, 'deliver'],
      [2, 3, 'deliver'],
    ])
  })

  test('ends a gap when the arrivals say that its patience is over', async () => {
    const messages = [
      { stream: 'a', sequence: 1, at: 0 },
      { stream: 'a', sequence: 3, at: 10 },
      { stream: 'b', sequence: 1, at: 2_000 },
    ]
    const found = await decisions(messages, { arrival: 'at', patience: '1s', then: 'skip' })
    expect(found).toContainEqual({ verdict: 'lost', stream: 'a', epoch: 0, from: 2, to: 2, at: 1_010 })
  })

  test('gives numbers beyond 2^53 as bigint', async () => {
    const [decision] = await decisions([{ stream: 'a', sequence: 2n ** 64n }], { numbering: 'increasing' })
    expect(decision?.sequence).toBe(2n ** 64n)
  })

  test.for([
    [{ heldMax: -1 }, 'config-invalid'],
    [{ patience: 'soon' }, 'config-invalid'],
    [{ gaps: 1 }, 'config-invalid'],
    [{ numbering: 'increasing', start: 1 }, 'usage'],
  ] as const)('refuses %o as %s', async ([options, expected]) => {
    // @ts-expect-error -- JavaScript may give anything
    await expect(decisions([], options)).rejects.toMatchObject({ code: expected })
  })
})

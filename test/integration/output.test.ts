// What commands print: whatever stands in the data, a terminal gets text; and an output that closes or cannot
// be written ends a command without a stack.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { streamPath } from '../../src/core/stream-path.ts'
import type { Ran, TestFolder } from './run-inturn.ts'
import { inturn, pasteLine, sourceUrl, testFolder } from './run-inturn.ts'

/** Moves the cursor, sets a title, changes colours, turns a line round, hides, and is not seen. */
const evil =
  '\u001b]0;x\u0007\u001b[31m\r\u007f\u009b2J\u202ea\u2066b\u200b\u00ad\u3164\ufe0f\u{e0041}\ufeff\u2028'
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u
const stream = `${evil}s`

let folder: TestFolder

const config = `
  import { contiguous } from ${sourceUrl('core/numbering.ts')}
  import { sqliteStore } from ${sourceUrl('stores/sqlite.ts')}
  import { fileSource } from ${sourceUrl('transports/file.ts')}
  export default {
    consumer: 'billing',
    store: sqliteStore('billing.db'),
    source: fileSource('events.ndjson'),
    domains: {
      account: {
        numbering: contiguous(),
        effects: 'external',
        failure: { attempts: 1, then: 'dead-letter' },
        handle: ({ sequence, data }) => {
          if (sequence === 2) throw new Error(data.text)
        },
      },
      orders: {
        numbering: contiguous(),
        effects: 'external',
        failure: { attempts: 1, then: 'halt' },
        handle: ({ data }) => {
          throw new Error(data.text)
        },
      },
    },
  }`

function event(sequence: number, domain = 'account'): object {
  return {
    domain,
    stream,
    sequence,
    id: `${evil}${sequence}`,
    type: `${domain}.${evil}`,
    data: { text: evil },
  }
}

function command(...args: readonly string[]): Promise<Ran> {
  return inturn(folder.path, ...args)
}

const lines = (values: readonly object[]): string => values.map((one) => `${JSON.stringify(one)}\n`).join('')

beforeAll(() => {
  folder = testFolder()
  folder.write('inturn.config.ts', config)
  const broken = [{ domain: 'account', stream, sequence: evil, data: evil }, { [evil]: evil }]
  const events = [event(1), event(2), event(5), event(1, 'orders'), event(2, 'orders')]
  folder.write('events.ndjson', lines([...events, ...broken]))
})
afterAll(() => folder.remove())

function expectText(name: string, { stdout, stderr }: Ran): void {
  for (const line of `${stdout}${stderr}`.split('\n')) {
    expect({ name, line, isText: !unprintable.test(line) }).toEqual({ name, line, isText: true })
  }
}

/** Runs a command for people and for machines; its JSON, which has the data as it is. */
async function shown(...args: readonly string[]): Promise<string> {
  const name = args.join(' ')
  const text = await command(...args)
  expectText(name, text)
  const json = await command(...args, '--json')
  expectText(`${name} --json`, json)
  expect({ name, code: json.code }).toEqual({ name, code: text.code })
  expect(text.stdout, name).not.toBe('')
  return json.stdout
}

describe('whatever stands in the data, a terminal gets text', () => {
  const path = streamPath('account', stream)
  const halted = streamPath('orders', stream)
  const operator = ['--by', evil, '--reason', evil]

  test('from a worker, from what shows a store, and from operators', async () => {
    const ran = await command('run', '--until', 'caught-up')
    // Some streams stand still, and it says which.
    expect(ran.code).toBe(1)
    expectText('run', ran)
    expect(ran.stderr).toContain(String.raw`\u001b[31m\u000d\u007f\u009b2J\u202ea\u2066b\u200b`)
    for (const args of [['status'], ['gaps'], ['dead', path], ['explain', halted]]) await shown(...args)
    for (const args of [['streams'], ['verify'], ['explain', path], ['explain', evil]]) {
      expectText(args.join(' '), await command(...args))
      expectText(args.join(' '), await command(...args, '--json'))
    }
    expect(JSON.parse(await shown('held', path))).toMatchObject({
      id: `${evil}5`,
      data: { text: evil },
    })
    const acts = [
      ['halt', path],
      ['resume', path],
      ['skip', halted],
      ['dead', 'retry', '--domain', 'account'],
    ]
    for (const act of acts) expectText(act.join(' '), await command(...act, ...operator))
    for (const domain of ['account', evil]) expectText('pause', await command('pause', domain, ...operator))
    const entries = (await shown('ledger')).trimEnd().split('\n')
    expect(entries.map((entry) => JSON.parse(entry) as object)).toContainEqual(
      expect.objectContaining({ kind: 'halted', by: evil, reason: evil }),
    )
    expectText('unknown', await command(evil))
  })

  test('from recorded logs and from event logs', async () => {
    for (const args of [
      ['audit', 'events.ndjson'],
      ['audit', 'events.ndjson', '--json'],
      ['audit', `${evil}.ndjson`],
      ['trace', 'events.ndjson'],
    ]) {
      expectText(args.join(' '), await command(...args))
    }
    const [first] = (await command('trace', 'events.ndjson')).stdout.split('\n')
    expect(JSON.parse(first ?? '')).toMatchObject({ stream, verdict: 'deliver' })
    folder.write('new.ndjson', lines([event(1), event(2)]))
    const inLog = ['--log', 'sqlite:log.db'] as const
    const appended = await command('append', 'new.ndjson', ...inLog, '--json')
    expect(appended, appended.stderr).toMatchObject({ code: 0 })
    expectText('append', appended)
    const read = await shown('read', '--all', ...inLog)
    expect(JSON.parse(read.split('\n')[0] ?? '')).toMatchObject({ stream, data: { text: evil } })
  })

  test('but a file and a pipe get a recorded log byte for byte', async () => {
    const text = `${JSON.stringify({ stream, sequence: 1 })}\n`
    folder.write('one.ndjson', text)
    expect((await command('resequence', 'one.ndjson')).stdout).toBe(text)
  })
})

describe('an output that cannot be written', () => {
  test.skipIf(process.platform !== 'linux')('on a full disk: one line, exit code 1', async () => {
    folder.write('log.ndjson', lines([{ stream: 'a', sequence: 1 }]))
    for (const line of ['audit log.ndjson', 'audit log.ndjson --json', 'trace log.ndjson', '--help'].concat(
      'resequence log.ndjson',
      'demo --events 20 --spread 0 --json',
    )) {
      expect(await pasteLine(folder.path, `inturn ${line} > /dev/full`)).toEqual({
        code: 1,
        stdout: '',
        stderr: 'inturn: Cannot write to standard output: the disk is full\n',
      })
    }
  })

  test.skipIf(process.platform !== 'linux')('a file on a full disk is named', async () => {
    folder.write('log.ndjson', lines([{ stream: 'a', sequence: 1 }, { stream: 'a' }]))
    const full = 'log.ndjson -o /dev/full'
    for (const line of [`resequence ${full}`, 'resequence log.ndjson --rejects /dev/full']) {
      const { code, stderr } = await command(...line.split(' '))
      expect([line, code, stderr]).toEqual([line, 1, 'inturn: Cannot write /dev/full: the disk is full\n'])
    }
    expect(await command('audit', 'log.ndjson', '--html', '/dev/full')).toMatchObject({
      code: 1,
      stderr: 'inturn: Cannot write /dev/full: the disk is full\n',
    })
  })

  test('a reader that leaves early is no failure, and is not spoken of', async () => {
    const many = Array.from({ length: 30_000 }, (_, index) => ({ stream: 'a', sequence: 2 * index }))
    folder.write('many.ndjson', lines(many))
    for (const line of ['trace many.ndjson', 'resequence many.ndjson 2> summary']) {
      const { code, stdout, stderr } = await pasteLine(folder.path, `inturn ${line} | head -1`)
      expect({ line, code, lines: stdout.split('\n').length, stderr }).toEqual({
        line,
        code: 0,
        lines: 2,
        stderr: '',
      })
    }
  })
})

describe('an input without an event', () => {
  test('is no clean log, unless that is allowed', async () => {
    folder.write('empty.ndjson', '\n \n')
    folder.write('header.csv', 'stream,sequence\n')
    folder.write('kept.ndjson', 'kept\n')
    for (const name of ['audit', 'trace', 'resequence']) {
      for (const file of ['empty.ndjson', 'header.csv', '-']) {
        const what = file === '-' ? 'standard input' : file
        expect(await command(name, file)).toEqual({
          code: 2,
          stdout: '',
          stderr: `inturn: ${what} holds no events; if that is as it should be, add --allow-empty\n`,
        })
        expect(await command(name, file, '--allow-empty')).toMatchObject({ code: 0 })
      }
    }
    expect(await command('resequence', 'empty.ndjson', '-o', 'kept.ndjson')).toMatchObject({ code: 2 })
    expect(readFileSync(join(folder.path, 'kept.ndjson'), 'utf8')).toBe('kept\n')
  })

  test('is told apart from a folder on standard input', async () => {
    for (const line of [
      'audit -',
      'trace -',
      'resequence - --allow-empty',
      'append - --log sqlite:none.db',
    ]) {
      expect(await pasteLine(folder.path, `inturn ${line} < .`)).toMatchObject({
        code: 2,
        stderr: 'inturn: Cannot read standard input: it is a directory; name a file in it\n',
      })
    }
  })
})

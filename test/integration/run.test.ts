// `inturn run` as a process. I1, I2: killed again and again, it books every event once and in order; signals
// stop it cleanly; a configuration that cannot be is refused with the option's name.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { Running, TestFolder } from './run-inturn.ts'
import { inturn, sourceUrl, startInturn, testFolder } from './run-inturn.ts'

let folder: TestFolder
const running: Running[] = []

beforeEach(() => {
  folder = testFolder()
})
afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    child.kill('SIGKILL')
    await ended
  }
  folder.remove()
})

const imports = `
  import { contiguous } from ${sourceUrl('core/numbering.ts')}
  import { sqliteStore } from ${sourceUrl('stores/sqlite.ts')}
  import { fileSource } from ${sourceUrl('transports/file.ts')}`

/** A configuration that writes a row an event; `options` are added to those of the domain. */
function config(options = '', follow = false): string {
  return `${imports}
    export default {
      consumer: 'billing',
      store: sqliteStore('billing.db'),
      source: fileSource('events.ndjson', { follow: ${follow}, checkpointMs: 50 }),
      batch: 50,
      domains: {
        account: {
          numbering: contiguous(),
          effects: 'transaction',
          handle: ({ stream, sequence }, { transaction }) => {
            transaction.run('INSERT INTO journal (stream, sequence) VALUES (?, ?)', stream, Number(sequence))
          },
          ${options}
        },
      },
    }`
}

function makeJournal(): void {
  const database = new DatabaseSync(join(folder.path, 'billing.db'))
  database.exec(
    'CREATE TABLE journal (entry INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT, sequence INTEGER)',
  )
  database.close()
}

function journal(): readonly { readonly stream: string; readonly sequence: number }[] {
  const database = new DatabaseSync(join(folder.path, 'billing.db'), { readOnly: true, timeout: 5_000 })
  const rows = database.prepare('SELECT stream, sequence FROM journal ORDER BY entry').all()
  database.close()
  return rows.map(({ stream, sequence }) => ({ stream: String(stream), sequence: Number(sequence) }))
}

function line(stream: string, sequence: number): string {
  return `${JSON.stringify({ stream, sequence, id: `${stream}#${sequence}`, data: {} })}\n`
}

/** Events of some streams, with copies, near their order. */
function shuffledEvents(streams: number, each: number): string {
  const random = new SeededRandom(7)
  const sent = Array.from({ length: streams * each }, (_, index) => ({
    text: line(`s${index % streams}`, Math.floor(index / streams) + 1),
    place: index + random.whole(0, 40),
  }))
  const copies = sent
    .filter(() => random.chance(0.2))
    .map(({ text, place }) => ({ text, place: place + random.whole(0, 200) }))
  return [...sent, ...copies]
    .sort((a, b) => a.place - b.place)
    .map(({ text }) => text)
    .join('')
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(20)
}

function start(...args: readonly string[]): Running {
  const started = startInturn(folder.path, ...args)
  running.push(started)
  return started
}

describe('killed without warning, again and again', () => {
  test('every event has one row, in order, and the books balance', async () => {
    const [streams, each] = [20, 200]
    makeJournal()
    folder.write('inturn.config.ts', config())
    folder.write('events.ndjson', shuffledEvents(streams, each))
    const random = new SeededRandom(3)
    let rounds = 0
    for (let rows = 0; rounds < 6 && rows < streams * each * 0.9; rounds++) {
      const worker = start('run')
      const goal = Math.min(rows + random.whole(200, 1_000), streams * each)
      await until(() => journal().length >= goal || worker.child.exitCode !== null)
      worker.child.kill('SIGKILL')
      await worker.ended
      rows = journal().length
    }
    expect(rounds).toBeGreaterThan(1)
    const last = await inturn(folder.path, 'run', '--until', 'caught-up')
    expect(last.stderr).toContain('inturn: ended after')
    expect(last.code).toBe(0)
    const rows = journal()
    expect(rows).toHaveLength(streams * each)
    const reached = new Map<string, number>()
    for (const { stream, sequence } of rows) {
      expect(sequence, `row of ${stream}`).toBe((reached.get(stream) ?? 0) + 1)
      reached.set(stream, sequence)
    }
    expect((await inturn(folder.path, 'verify')).code).toBe(0)
  })
})

describe('signals', () => {
  beforeEach(() => {
    makeJournal()
    folder.write('events.ndjson', line('a', 1))
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('%s drains and ends with 0', async (signal) => {
    folder.write('inturn.config.ts', config('', true))
    const worker = start('run')
    await until(() => journal().length === 1)
    worker.child.kill(signal)
    const { code, stderr } = await worker.ended
    expect(code).toBe(0)
    expect(stderr).toContain('consumer billing reads file events.ndjson into sqlite billing.db')
    expect(stderr).toContain(`${signal}: finishing what is in hand`)
    expect(stderr).toMatch(/ended after 1 event in [\d.]+ s: 1 deliver/)
  })

  test.each([
    { command: ['run'], code: 0 },
    { command: ['relay'], code: 0 },
    { command: ['replay', '--as', 'billing-2'], code: 1 },
  ])('while the configuration is loaded it ends $command at once, with $code', async ({ command, code }) => {
    folder.write('slow.ts', "console.error('loading'); await new Promise((done) => setTimeout(done, 1e9))")
    const worker = start(...command, '--config', 'slow.ts')
    await until(() => worker.stderr().includes('loading'))
    worker.child.kill('SIGTERM')
    expect(await worker.ended).toEqual({
      code,
      stdout: '',
      stderr: 'loading\ninturn: SIGTERM: nothing is in hand\n',
    })
  })

  test('while the store cannot be opened it drains and ends with 0, and nothing was read', async () => {
    const other = new DatabaseSync(join(folder.path, 'billing.db'))
    other.exec('BEGIN IMMEDIATE')
    folder.write(
      'inturn.config.ts',
      config('', true).replace("'billing.db'", "'billing.db', { busyMs: 100 }"),
    )
    const worker = start('run')
    await until(() => worker.stderr().includes('the store failed'))
    worker.child.kill('SIGTERM')
    const { code, stderr } = await worker.ended
    other.close()
    expect(code).toBe(0)
    expect(stderr).toMatch(/ended after 0 events/)
    expect(journal()).toEqual([])
  })

  test('a second one ends a handler that does not come back; the event comes again', async () => {
    const hanging =
      "handle: (event, { transaction }) => { console.error('called'); return new Promise(() => {}) }"
    folder.write('inturn.config.ts', config(hanging, true))
    const worker = start('run')
    await until(() => worker.stderr().includes('called'))
    worker.child.kill('SIGTERM')
    await until(() => worker.stderr().includes('finishing'))
    worker.child.kill('SIGTERM')
    await worker.ended
    expect(worker.stderr()).toContain('stopping at once')
    expect(journal()).toEqual([])
    folder.write('inturn.config.ts', config())
    expect((await inturn(folder.path, 'run', '--until', 'caught-up')).code).toBe(0)
    expect(journal()).toEqual([{ stream: 'a', sequence: 1 }])
  })
})

describe('what a worker says', () => {
  test('a failing handler is told once, then its halt; others go on', async () => {
    makeJournal()
    folder.write('events.ndjson', line('bad', 1) + line('good', 1))
    const failing = `failure: { attempts: 3, backoff: 1 },
      handle: ({ stream }) => { if (stream === 'bad') throw new Error('no\\u001b money') },`
    folder.write('inturn.config.ts', config(failing))
    const { code, stderr } = await inturn(folder.path, 'run', '--until', 'caught-up')
    const error = String.raw`Error: no\u001b money`
    expect(code, 'a stream stands still').toBe(1)
    expect(stderr.split('\n').filter((text) => text.includes('account/bad'))).toEqual([
      `inturn: account/bad: event 1 failed and is tried again: ${error}`,
      `inturn: account/bad: event 1 failed at attempt 3 and its stream is halted: ${error}`,
      `inturn:   account/bad: halted, ${error}`,
    ])
    expect(stderr).toMatch(/halted: .*\n {4}at handle \(.*inturn\.config\.ts/)
    const { stdout } = await inturn(folder.path, 'explain', 'account/bad')
    expect(stdout).toContain('It is halted: its next event failed at every attempt.')
    expect(stdout).toMatch(/the error: .*\n {4}at handle \(.*inturn\.config\.ts/)
  })

  test('with `--log json` each line is an object, also where it fails', async () => {
    makeJournal()
    folder.write('events.ndjson', line('bad', 1))
    const handle = "failure: { attempts: 1 }, handle: () => { throw new TypeError('no money') },"
    folder.write('inturn.config.ts', config(handle))
    const { code, stderr } = await inturn(folder.path, 'run', '--until', 'caught-up', '--log', 'json')
    expect(code).toBe(1)
    const lines = stderr
      .trim()
      .split('\n')
      .map((text): unknown => JSON.parse(text))
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        kind: 'failed',
        stream: 'account/bad',
        sequence: 1,
        err: {
          type: 'TypeError',
          message: 'no money',
          stack: expect.stringContaining('inturn.config.ts') as string,
        },
      }),
    )
    const wrong = await inturn(folder.path, 'run', '--config', 'none.ts', '--log', 'json')
    expect([wrong.code, JSON.parse(wrong.stderr)]).toMatchObject([2, { level: 'error' }])
  })

  test('a source that is missing is an error, and makes no checkpoint', async () => {
    folder.write('inturn.config.ts', config())
    const { code, stderr } = await inturn(folder.path, 'run', '--until', 'caught-up')
    expect(code).not.toBe(0)
    expect(stderr).toContain('events.ndjson')
  })
})

describe('a configuration that cannot be', () => {
  test.each([
    ['export const config = {}', 'inturn.config.ts has no default export'],
    ['export default []', 'inturn.config.ts: exports a list; a configuration is one consumer'],
    ['export default 5', 'inturn.config.ts: exports a number'],
    ["export default { consumer: 'a', conumser: 'b' }", 'conumser is no option; there are consumer, store'],
    ["export default { consumer: '' }", 'consumer takes a name'],
    ["export default { consumer: 'a', store: 'sqlite' }", 'store takes a store'],
    ['this is no JavaScript', 'inturn.config.ts cannot be loaded: SyntaxError'],
    ["import 'not-there'", 'needs the package not-there, which is not installed: npm install not-there'],
    ["import './not-there.ts'", 'inturn.config.ts cannot be loaded: Error'],
  ])('%s is exit 2', async (text, message) => {
    folder.write('inturn.config.ts', text)
    const { code, stderr, stdout } = await inturn(folder.path, 'run')
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
    expect(existsSync(join(folder.path, 'billing.db'))).toBe(false)
  })

  test('an option of a domain that is out of range is named', async () => {
    folder.write('events.ndjson', '')
    folder.write('inturn.config.ts', config('heldMax: 0,'))
    const { code, stderr } = await inturn(folder.path, 'run')
    expect(code).toBe(2)
    expect(stderr).toContain('domains.account.heldMax takes a whole number from 1, not 0')
  })

  test('none at all is said in one line', async () => {
    const { code, stderr } = await inturn(folder.path, 'run')
    expect(code).toBe(2)
    expect(stderr).toBe('inturn: there is no inturn.config.ts here; name one with --config <file>\n')
    expect((await inturn(folder.path, 'run', '--config', 'x.ts')).stderr).toBe(
      'inturn: the configuration x.ts does not exist\n',
    )
    folder.write('x.yaml', 'consumer: billing')
    expect((await inturn(folder.path, 'run', '--config', 'x.yaml')).stderr).toBe(
      'inturn: x.yaml is no module: it takes a .ts, .mts, .js or .mjs file with a default export\n',
    )
  })
})

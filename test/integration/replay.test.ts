// `inturn replay` as a process. I1, I2: a rebuild that is killed again and again ends with each effect once
// and in order; a range is handled once more, told as such; dead letters are tried again by a running worker.
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
  const columns = 'consumer TEXT, stream TEXT, sequence INTEGER, replay TEXT'
  query(`CREATE TABLE journal (entry INTEGER PRIMARY KEY AUTOINCREMENT, ${columns})`)
})
afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    child.kill('SIGKILL')
    await ended
  }
  folder.remove()
})

/** A configuration that writes a row an event into a table that all consumers share. */
function config(
  fields = '',
  domain = '',
  source = "fileSource('events.ndjson', { checkpointMs: 50 })",
): string {
  return `
    import { contiguous } from ${sourceUrl('core/numbering.ts')}
    import { sqliteStore } from ${sourceUrl('stores/sqlite.ts')}
    import { fileSource } from ${sourceUrl('transports/file.ts')}
    import { memorySource } from ${sourceUrl('transports/memory.ts')}
    import { existsSync } from 'node:fs'
    export default {
      consumer: 'billing',
      store: sqliteStore('billing.db'),
      source: ${source},
      batch: 50,
      ${fields}
      domains: {
        account: {
          numbering: contiguous(),
          effects: 'transaction',
          failure: { attempts: 1, then: 'dead-letter' },
          handle: ({ stream, sequence, data }, { transaction, consumer, replay = '', isRedrive }) => {
            if (data.fails && !existsSync('mended')) throw new Error('no money')
            transaction.run(
              'INSERT INTO journal (consumer, stream, sequence, replay) VALUES (?, ?, ?, ?)',
              consumer, stream, Number(sequence), isRedrive ? 'redrive' : replay,
            )
          },
          ${domain}
        },
      },
    }`
}

function query(sql: string): readonly Record<string, unknown>[] {
  const database = new DatabaseSync(join(folder.path, 'billing.db'), { timeout: 10_000 })
  try {
    return database.prepare(sql).all()
  } finally {
    database.close()
  }
}

function line(stream: string, sequence: number, data: object = {}): string {
  return `${JSON.stringify({ stream, sequence, id: `${stream}#${sequence}`, data })}\n`
}

/** Events of some streams, with copies, near their order. */
function shuffledEvents(streams: number, each: number): string {
  const random = new SeededRandom(11)
  const sent = Array.from({ length: streams * each }, (_, index) => ({
    text: line(`s${index % streams}`, Math.floor(index / streams) + 1),
    place: index + random.whole(0, 40),
  }))
  const copies = sent.filter(() => random.chance(0.1)).map(({ text, place }) => ({ text, place: place + 99 }))
  return [...sent, ...copies]
    .sort((a, b) => a.place - b.place)
    .map(({ text }) => text)
    .join('')
}

function start(...args: readonly string[]): Running {
  const started = startInturn(folder.path, ...args)
  running.push(started)
  return started
}

const rowsOf = (consumer: string): readonly unknown[] =>
  query(`SELECT stream, sequence FROM journal WHERE consumer = '${consumer}' ORDER BY stream, entry`)

describe('inturn replay --as', () => {
  test('killed again and again it ends with every effect once, equal to the original', async () => {
    const [streams, each] = [20, 150]
    folder.write('inturn.config.ts', config())
    folder.write('events.ndjson', shuffledEvents(streams, each))
    expect((await inturn(folder.path, 'run', '--until', 'caught-up')).code).toBe(0)
    const original = rowsOf('billing')
    expect(original).toHaveLength(streams * each)
    const random = new SeededRandom(5)
    let kills = 0
    for (let rows = 0; kills < 6 && rows < streams * each * 0.9; kills++) {
      const replay = start('replay', '--as', 'billing-2')
      const goal = Math.min(rows + random.whole(100, 800), streams * each)
      while (rowsOf('billing-2').length < goal && replay.child.exitCode === null) await sleep(10)
      replay.child.kill('SIGKILL')
      await replay.ended
      rows = rowsOf('billing-2').length
    }
    expect(kills).toBeGreaterThan(1)
    const { code, stdout, stderr } = await inturn(folder.path, 'replay', '--as', 'billing-2')
    expect(stderr).toContain('inturn: caught up after')
    expect(stdout).toBe('consumer billing-2 is rebuilt: 3,000 deliveries in 20 streams\n')
    expect(code).toBe(0)
    expect(rowsOf('billing-2')).toEqual(original)
    expect(rowsOf('billing')).toEqual(original)
    expect(query("SELECT DISTINCT replay FROM journal WHERE consumer = 'billing-2'")).toEqual([
      { replay: 'rebuild' },
    ])
    expect((await inturn(folder.path, 'verify', '--consumer', 'billing-2')).code).toBe(0)
    const again = await inturn(folder.path, 'replay', '--as', 'billing-2', '--json')
    expect(JSON.parse(again.stdout)).toMatchObject({ isCaughtUp: true, events: 0, deliveries: 3_000 })
    expect(rowsOf('billing-2')).toEqual(original)
  })

  test('refuses the consumer of the configuration, and a queue without a history', async () => {
    folder.write('inturn.config.ts', config())
    folder.write('events.ndjson', line('a', 1))
    const same = await inturn(folder.path, 'replay', '--as', 'billing')
    expect([same.code, same.stderr]).toEqual([2, expect.stringContaining('--as takes a new name')])
    folder.write('inturn.config.ts', config('', '', "memorySource({ kind: 'queue' })"))
    const queue = await inturn(folder.path, 'replay', '--as', 'billing-2')
    expect([queue.code, queue.stderr]).toEqual([1, expect.stringContaining('is a queue, which forgets')])
    folder.write(
      'inturn.config.ts',
      config("history: fileSource('events.ndjson'),", '', "memorySource({ kind: 'queue' })"),
    )
    const archive = await inturn(folder.path, 'replay', '--as', 'billing-2')
    expect([archive.code, archive.stdout]).toEqual([0, expect.stringContaining('1 deliveries in 1 streams')])
  })

  test('says what waits, and exits with 1', async () => {
    folder.write('inturn.config.ts', config())
    folder.write('events.ndjson', line('a', 1) + line('a', 3))
    const { code, stdout } = await inturn(folder.path, 'replay', '--as', 'billing-2')
    expect(code).toBe(1)
    expect(stdout).toContain('something waits: 1 events held (inturn status --consumer billing-2)')
    const named = await inturn(folder.path, 'replay', '--as', 'b 3', '--config', 'inturn.config.ts')
    expect(named.stdout).toContain("(inturn status --config inturn.config.ts --consumer 'b 3')")
  })
})

describe('inturn replay of a range', () => {
  test('handles it once more while a worker runs, and says what the history lacks', async () => {
    folder.write(
      'inturn.config.ts',
      config("history: fileSource('archive.ndjson'),", '', "fileSource('events.ndjson', { follow: true })"),
    )
    folder.write('events.ndjson', [1, 2, 3, 4].map((sequence) => line('a', sequence)).join(''))
    folder.write('archive.ndjson', [4, 3, 1].map((sequence) => line('a', sequence)).join(''))
    const worker = start('run')
    while (rowsOf('billing').length < 4) await sleep(20)
    const words = ['--by', 'ada', '--reason', 'the handler was wrong']
    const done = await inturn(folder.path, 'replay', 'account/a', '--from', '2', '--to', '4', ...words)
    expect(done.stderr).toBe('')
    expect(done.stdout.split('\n').slice(0, 2)).toEqual([
      'account/a: 2 events were handled once more',
      '  the history does not have 1 of them: 2',
    ])
    expect(done.code).toBe(1)
    expect(query("SELECT sequence, replay FROM journal WHERE replay <> ''")).toEqual([
      { sequence: 3, replay: 'redeliver' },
      { sequence: 4, replay: 'redeliver' },
    ])
    worker.child.kill('SIGTERM')
    await worker.ended
    const { stdout } = await inturn(folder.path, 'ledger', '--json')
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'redelivered', by: 'ada', from: 3, to: 4 })
    expect((await inturn(folder.path, 'verify')).code).toBe(0)
    const wrong = await inturn(folder.path, 'replay', 'account/a', '--from', '2', ...words)
    expect([wrong.code, wrong.stderr]).toEqual([2, 'inturn: the range takes --from <n> and --to <n>\n'])
  })
})

describe('inturn dead retry and drop', () => {
  test('a running worker tries the letters, each once; the rest is dropped', async () => {
    folder.write('inturn.config.ts', config('', '', "fileSource('events.ndjson', { follow: true })"))
    const failing = [2, 3, 4].map((sequence) => line('a', sequence, { fails: true }))
    folder.write('events.ndjson', `${line('a', 1)}${failing.join('')}{"sequence":1}\n`)
    const worker = start('run')
    const letters = async (): Promise<readonly Record<string, unknown>[]> => {
      const { stdout } = await inturn(folder.path, 'dead', '--json')
      return stdout
        .split('\n')
        .filter(Boolean)
        .map((text) => JSON.parse(text) as Record<string, unknown>)
    }
    while ((await letters()).length < 4) await sleep(20)
    const words = ['--by', 'ada', '--reason', 'money came']
    const [{ key } = {}] = (await letters()).filter(({ reason }) => reason === 'failed')
    const other = ['--key', String(key), '--only', 'invalid']
    const wrong = await inturn(folder.path, 'dead', 'drop', 'account/a', ...other, ...words)
    expect([wrong.code, wrong.stderr]).toEqual([
      2,
      expect.stringContaining('of account/a, for the reason failed'),
    ])
    const still = await inturn(folder.path, 'dead', 'retry', 'account/a', '--all-of-stream', ...words)
    expect(still.stderr).toBe('')
    expect(still.stdout).toContain('handed over to the workers: 3\n')
    while (!(await letters()).every(({ attempts = 2 }) => attempts === 2)) await sleep(20)
    folder.write('mended', '')
    await inturn(folder.path, 'dead', 'retry', '--only', 'failed', ...words)
    while ((await letters()).length > 1) await sleep(20)
    expect(query('SELECT sequence, replay FROM journal WHERE sequence > 1 ORDER BY sequence')).toEqual(
      [2, 3, 4].map((sequence) => ({ sequence, replay: 'redrive' })),
    )
    const unread = await inturn(folder.path, 'dead', 'retry', '--only', 'invalid', ...words)
    expect([unread.code, unread.stdout]).toEqual([1, expect.stringContaining('the event names no stream')])
    const dropped = await inturn(folder.path, 'dead', 'drop', '--only', 'invalid', ...words, '--json')
    expect(JSON.parse(dropped.stdout)).toMatchObject({ dropped: 1 })
    expect(await letters()).toEqual([])
    worker.child.kill('SIGTERM')
    await worker.ended
    expect(worker.stderr()).toContain('account/a: event 2, a dead letter, was tried again: it succeeded')
    expect((await inturn(folder.path, 'verify')).code).toBe(0)
    const none = await inturn(folder.path, 'dead', 'retry', 'account/a', ...words)
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('--key <key>, --only <reason>')])
    const why = await inturn(folder.path, 'dead', 'drop', '--only', 'failed')
    expect([why.code, why.stderr]).toEqual([2, expect.stringContaining('--reason')])
  })
})

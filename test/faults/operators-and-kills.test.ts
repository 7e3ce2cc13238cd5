// Worker processes on one SQLite file, killed without warning again and again, while operators act on the
// store, handlers fail, numbers are missing, and a healer brings some of them. Whatever happens, each
// event has its effect at most once and in order, and the books balance (I1, I2, I3). `npm run soak` runs
// hundreds of rounds.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { Ran, Running, TestFolder } from '../integration/run-inturn.ts'
import { inturn, sourceUrl, startInturn, testFolder } from '../integration/run-inturn.ts'

const rounds = Number(process.env['INTURN_SOAK_ROUNDS'] ?? 4)
const [streams, each] = [12, 40 + rounds * 10]
const operatorActs = ['retry', 'skip', 'halt', 'resume', 'fill', 'pause', 'unpause', 'dead'] as const

let folder: TestFolder
let running: Running[] = []

beforeEach(() => {
  folder = testFolder()
})
afterEach(async () => {
  await killAll()
  folder.remove()
})

const config = `
  import { contiguous } from ${sourceUrl('core/numbering.ts')}
  import { sqliteStore } from ${sourceUrl('stores/sqlite.ts')}
  import { fileHealer, fileSource } from ${sourceUrl('transports/file.ts')}
  export default {
    consumer: 'billing',
    store: sqliteStore('billing.db'),
    source: fileSource('events.ndjson', { checkpointMs: 20, follow: process.env.FOLLOW === '1' }),
    batch: 40,
    claim: '600ms',
    sweepEvery: '20ms',
    domains: {
      account: {
        numbering: contiguous(),
        effects: 'transaction',
        timeout: '400ms',
        gap: {
          patience: '200ms',
          heal: { with: fileHealer('archive.ndjson'), after: '20ms', attempts: 3, timeout: '1s' },
          then: 'skip',
        },
        failure: { attempts: 3, backoff: 10, backoffMax: 50, then: 'dead-letter' },
        handle: ({ stream, sequence, data }, { transaction, isRedrive }) => {
          const insert = 'INSERT INTO journal VALUES (NULL, ?, ?, ?)'
          transaction.run(insert, stream, Number(sequence), isRedrive ? 1 : 0)
          if (data.fails === 'deadly') process.kill(process.pid, 'SIGKILL')
          const isUnlucky = data.fails === 'sometimes' && Math.random() < 0.5
          if (data.fails === 'always' || isUnlucky) throw new Error('no')
        },
      },
    },
  }`

interface Sent {
  readonly stream: string
  readonly sequence: number
  readonly text: string
  readonly place: number
}

/** Events of all streams near their order, doubled and failing now and then. */
function eventsOf(random: SeededRandom): readonly Sent[] {
  const of = (stream: string, sequence: number, index: number): Sent => {
    const isDeadly = stream === 's3' && sequence === 7
    const fails = isDeadly
      ? 'deadly'
      : random.chance(0.01)
        ? 'always'
        : random.chance(0.03)
          ? 'sometimes'
          : 'never'
    const text = JSON.stringify({ stream, sequence, id: `${stream}#${sequence}`, data: { fails } })
    return { stream, sequence, text, place: index + random.whole(0, 60) }
  }
  return Array.from({ length: streams * each }, (_, index) =>
    of(`s${index % streams}`, Math.floor(index / streams) + 1, index),
  )
}

/** The source misses some of them; the archive has most of those. */
function writeLogs(random: SeededRandom): void {
  const all = eventsOf(random)
  const arriving = all.filter(() => !random.chance(0.05))
  const copies = arriving
    .filter(() => random.chance(0.2))
    .map((sent) => ({ ...sent, place: sent.place + 90 }))
  const lines = [...arriving, ...copies].sort((a, b) => a.place - b.place).map(({ text }) => `${text}\n`)
  folder.write('events.ndjson', lines.join(''))
  const isArchived = ({ sequence }: Sent): boolean => sequence === each || !random.chance(0.02)
  folder.write(
    'archive.ndjson',
    all
      .filter(isArchived)
      .map(({ text }) => `${text}\n`)
      .join(''),
  )
}

async function killAll(): Promise<void> {
  const ending = running
  running = []
  for (const { child } of ending) child.kill('SIGKILL')
  await Promise.all(ending.map(({ ended }) => ended))
}

async function act(random: SeededRandom): Promise<Ran> {
  const stream = `account/s${random.whole(0, streams - 1)}`
  const signed = ['--by', 'soak', '--reason', 'because']
  const run = (...args: readonly string[]): Promise<Ran> => inturn(folder.path, ...args, ...signed)
  const from = random.whole(1, each)
  switch (random.pick([...operatorActs])) {
    case 'retry':
      return run('retry', stream)
    case 'skip':
      return run('skip', stream)
    case 'halt':
      return run('halt', stream)
    case 'resume':
      return run('resume', stream)
    case 'fill':
      return run('fill', stream, '--from', String(from), '--to', String(from + random.whole(0, 2)))
    case 'pause':
      return run('pause', 'account')
    case 'unpause':
      return run('resume', 'account')
    case 'dead':
      return run('dead', 'retry', stream)
  }
}

/** Whether a worker has been at the store. */
async function isKnown(): Promise<boolean> {
  const store = sqliteStore(join(folder.path, 'billing.db'))
  const consumers: readonly string[] = await store.reader.consumers().catch(() => [])
  await store.close()
  return consumers.includes('billing')
}

/** Every stream goes on, whatever operators left behind. */
async function resumeAll(): Promise<void> {
  const signed = ['--by', 'soak', '--reason', 'the end']
  await inturn(folder.path, 'resume', 'account', ...signed)
  for (let index = 0; index < streams; index++) {
    await inturn(folder.path, 'resume', `account/s${index}`, ...signed)
  }
}

test(`${rounds} rounds: each effect once, in order, and the books balance`, async () => {
  const random = new SeededRandom(rounds)
  writeLogs(random)
  const database = new DatabaseSync(join(folder.path, 'billing.db'), { timeout: 10_000 })
  database.exec(
    'CREATE TABLE journal (entry INTEGER PRIMARY KEY, stream TEXT, sequence INTEGER, redriven INTEGER)',
  )
  folder.write('inturn.config.ts', config)
  const refused: string[] = []
  for (let round = 0; round < rounds; round++) {
    for (let worker = 0; worker < 2; worker++) running.push(startInturn(folder.path, 'run'))
    // On a busy machine no worker may have come to the store yet, and operators have nothing to look at.
    while (!(await isKnown())) await sleep(20)
    await sleep(random.whole(100, 900))
    const acted = await Promise.all([act(random), act(random)])
    refused.push(...acted.filter(({ code }) => code !== 0).map(({ stderr }) => stderr))
    await killAll()
    const verified = await inturn(folder.path, 'verify')
    expect(verified.code, verified.stdout + verified.stderr).toBe(0)
  }
  expect(
    refused.filter((text) => text.includes('inturn broke its own rule') || !text.startsWith('inturn: ')),
  ).toEqual([])
  await resumeAll()
  await runToTheEnd()
  const verified = await inturn(folder.path, 'verify')
  expect(verified.code, verified.stdout + verified.stderr).toBe(0)
  checkJournal(database)
  database.close()
}, 3_600_000)

/**
 * One event ends every process that handles it, until its attempts are used up. A process that is started
 * before the death of the one before it shows (a claim's time) calls its handlers without quarantine and dies
 * uncounted: on a slow machine that happens more than once.
 */
async function runToTheEnd(): Promise<void> {
  let last: Ran | undefined
  for (let tries = 0; tries < 60 && last?.code !== 0; tries++) {
    last = await inturn(folder.path, 'run', '--until', 'caught-up')
    // A gap that was found late may have patience left: it is given up in a run to come.
    const isOpen = last.code === 1 && last.stderr.includes('stands still') && last.stderr.endsWith(': gap\n')
    expect(last.code === 0 || last.code === null || isOpen, last.stderr).toBe(true)
  }
  expect(last?.code).toBe(0)
}

function checkJournal(database: DatabaseSync): void {
  const rows = database.prepare('SELECT stream, sequence, redriven FROM journal ORDER BY entry').all()
  const seen = new Set<string>()
  const reached = new Map<string, number>()
  for (const { stream, sequence, redriven } of rows) {
    const place = `${String(stream)}/${String(sequence)}`
    expect(seen.has(place), `${place} has two effects`).toBe(false)
    seen.add(place)
    if (redriven === 1) continue
    expect(Number(sequence), place).toBeGreaterThan(reached.get(String(stream)) ?? 0)
    reached.set(String(stream), Number(sequence))
  }
  const archived = readFileSync(join(folder.path, 'archive.ndjson'), 'utf8').trimEnd().split('\n').length
  expect(seen.size).toBeGreaterThan(archived / 2)
}

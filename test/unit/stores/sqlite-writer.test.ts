// Writes that share a transaction share its fate: if one takes it down, whoever had written into it is told,
// and takes back what it has put aside for the commit (I10).
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Database } from '../../../src/stores/sqlite/database.ts'
import type { Outcome } from '../../../src/stores/sqlite/writer.ts'
import { Writer } from '../../../src/stores/sqlite/writer.ts'
import { SqliteFolder } from './sqlite-folder.ts'

let folder: SqliteFolder
let database: Database
let writer: Writer
beforeEach(async () => {
  folder = new SqliteFolder()
  database = new Database(folder.path, { timeoutMs: 0 })
  database.get('PRAGMA journal_mode = WAL')
  database.run('CREATE TABLE row (text TEXT NOT NULL)')
  writer = new Writer(database, { busyMs: 1_000, isSynced: false })
})
afterEach(async () => {
  await writer.close()
  database.close()
  await folder.remove()
})

const told: string[] = []

function write(text: string): (outcome: Outcome) => void {
  return (outcome) => {
    outcome.onCommit(() => told.push(`${text} committed`))
    outcome.onUndo(() => told.push(`${text} undone`))
    database.run('INSERT INTO row VALUES (?)', text)
  }
}

test('a full disk that ends the transaction ends every write in it', async () => {
  told.length = 0
  database.get('PRAGMA max_page_count = 20')
  const together = ['small', 'x'.repeat(1_000_000), 'late'].map((text) => writer.write('lazy', write(text)))
  const ended = await Promise.allSettled(together)
  expect(ended.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  for (const one of ended) expect(one).toMatchObject({ reason: { code: 'store-full' } })
  expect(told.map((line) => line.slice(0, 12))).toEqual(['xxxxxxxxxxxx', 'small undone'])
  expect(database.all('SELECT * FROM row')).toEqual([])
  await writer.write('lazy', write('again'))
  expect(told.at(-1)).toBe('again committed')
})

test('one that fails by itself takes no other with it', async () => {
  told.length = 0
  const failing = writer.write('lazy', (outcome) => {
    write('failing')(outcome)
    throw new Error('it fails')
  })
  await Promise.all([expect(failing).rejects.toThrow('it fails'), writer.write('lazy', write('other'))])
  expect(told).toEqual(['failing undone', 'other committed'])
  expect(database.all('SELECT text FROM row')).toEqual([{ text: 'other' }])
})

test('the event loop turns between transactions, however many wait', async () => {
  let turns = 0
  let isOver = false
  const turn = (): void => {
    turns++
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  const transactions = Array.from({ length: 50 }, () => writer.transact(() => Promise.resolve()))
  await Promise.all(transactions)
  isOver = true
  expect(turns).toBeGreaterThanOrEqual(45)
})

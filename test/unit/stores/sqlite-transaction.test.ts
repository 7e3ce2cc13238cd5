// What a handler can and cannot do with the transaction of its batch (I2).
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../../../src/ports/store.ts'
import type { SqliteTransaction } from '../../../src/stores/sqlite.ts'
import { account, moved, request, SqliteFolder } from './sqlite-folder.ts'

let folder: SqliteFolder
let store: Store<SqliteTransaction>
beforeEach(async () => {
  folder = new SqliteFolder()
  store = await folder.store()
  folder.user().exec('CREATE TABLE effect (id INTEGER PRIMARY KEY, text TEXT UNIQUE)')
})
afterEach(() => folder.remove())

const a = account('a')

async function inUnit<Result>(handle: (transaction: SqliteTransaction) => Result): Promise<Result> {
  const { value } = await store.work(request([a]), async ({ transaction }) => {
    if (transaction === undefined) throw new Error('there is no transaction')
    return handle(transaction.forHandlers)
  })
  return value
}

describe('a handler', () => {
  test('writes and reads its own tables', async () => {
    const rows = await inUnit((transaction) => {
      const { changes, lastInsertRowid } = transaction.run('INSERT INTO effect (text) VALUES (?)', 'one')
      expect([changes, lastInsertRowid]).toEqual([1, 1])
      expect(transaction.get('SELECT text FROM effect WHERE id = ?', 1)).toEqual({ text: 'one' })
      return transaction.all('SELECT * FROM effect')
    })
    expect(rows).toEqual([{ id: 1, text: 'one' }])
  })

  test.each([
    'BEGIN',
    'COMMIT',
    'end',
    'ROLLBACK',
    ' ;; /* hidden */ -- and more\n commit',
    'SAVEPOINT x',
    'RELEASE x',
    "ATTACH 'other.db' AS other",
    'DETACH other',
    'PRAGMA synchronous = OFF',
    'VACUUM',
  ])('cannot run %j', async (sql) => {
    await inUnit((transaction) => {
      const refused = expect.objectContaining({ code: 'handler-failed' }) as Error
      expect(() => transaction.run(sql)).toThrow(refused)
      expect(() => transaction.get(sql)).toThrow(refused)
      expect(() => transaction.all(sql)).toThrow(refused)
    })
  })

  test('cannot run a second statement unseen', async () => {
    await inUnit((transaction) => {
      const run = () => transaction.run("INSERT INTO effect (text) VALUES ('a'); DROP TABLE effect")
      expect(run).toThrow('only one statement')
      transaction.run("INSERT INTO effect (text) VALUES ('a') ; -- done\n")
    })
  })

  test('meets the errors of its own statements as they are, and may go on', async () => {
    await inUnit((transaction) => {
      transaction.run('INSERT INTO effect (text) VALUES (?)', 'one')
      expect(() => transaction.run('INSERT INTO effect (text) VALUES (?)', 'one')).toThrow('UNIQUE')
      expect(() => transaction.run('INSERT INTO nowhere VALUES (1)')).toThrow('no such table')
      transaction.run('INSERT INTO effect (text) VALUES (?)', 'two')
    })
    expect(await inUnit((transaction) => transaction.all('SELECT text FROM effect'))).toHaveLength(2)
  })

  test('that rolls the transaction back by a trick fails, with all of its batch', async () => {
    const tricked = store.work(request([a]), async (unit) => {
      await unit.commit({ streams: [moved(a, 1)] })
      unit.transaction?.forHandlers.run('INSERT INTO effect (text) VALUES (?)', 'one')
      expect(() =>
        unit.transaction?.forHandlers.run("INSERT OR ROLLBACK INTO effect (text) VALUES ('one')"),
      ).toThrow('UNIQUE')
      expect(() => unit.transaction?.forHandlers.run("INSERT INTO effect (text) VALUES ('two')")).toThrow(
        'rolled back',
      )
    })
    await expect(tricked).rejects.toMatchObject({ code: 'handler-failed' })
    expect(await inUnit((transaction) => transaction.all('SELECT * FROM effect'))).toEqual([])
    expect(await store.reader.stream('billing', a)).toBe(undefined)
  })

  test('cannot use the transaction after its batch, nor during the next one', async () => {
    const late = await inUnit((transaction) => transaction)
    const refused = expect.objectContaining({ code: 'handler-failed' }) as Error
    expect(() => late.run('DELETE FROM effect')).toThrow(refused)
    await inUnit(() => expect(() => late.all('SELECT 1')).toThrow(refused))
  })
})

// What PGlite commits is on the disk when it says so (I4): its files wait for the disk at each commit; where
// the disk fails, the commit is not taken for done, and the database is opened again.
import type * as FileSystem from 'node:fs'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import type { Appended } from '../../../src/core/logged-event.ts'
import { pglitePool, postgresEventLog } from '../../../src/stores/postgres.ts'

const disk = vi.hoisted(() => ({ synced: 0, fails: false }))

vi.mock('node:fs', async (original) => {
  const real = await original<typeof FileSystem>()
  const fsyncSync = (file: number): void => {
    disk.synced++
    if (disk.fails) throw new Error('EIO: i/o error, fsync')
    real.fsyncSync(file)
  }
  return { ...real, fsyncSync, default: { ...real, fsyncSync } }
})

const folder = mkdtempSync(join(tmpdir(), 'inturn-pglite-'))
const pool = pglitePool(join(folder, 'data'))

afterAll(async () => {
  await pool.end()
  rmSync(folder, { recursive: true })
})

async function syncsOf(work: () => Promise<unknown>): Promise<number> {
  const before = disk.synced
  await work()
  return disk.synced - before
}

test('a commit waits for the disk, once; what only reads does not (I4)', async () => {
  await pool.query('CREATE TABLE booked (amount int)')
  expect(await syncsOf(() => pool.query('INSERT INTO booked VALUES (1)'))).toBe(1)
  expect(await syncsOf(() => pool.query('SELECT * FROM booked'))).toBe(0)
  const rolled = pool.query('BEGIN; INSERT INTO booked VALUES (2); ROLLBACK')
  expect(await syncsOf(() => rolled)).toBe(0)
  expect(await syncsOf(() => pool.query('BEGIN; INSERT INTO booked VALUES (3); COMMIT'))).toBe(1)
  expect(await syncsOf(() => pool.query('CHECKPOINT'))).toBeGreaterThan(1)
})

test('a commit in which the disk fails is unknown, and the database is opened again (I2, I10)', async () => {
  const log = postgresEventLog({ pool })
  await log.open()
  const append = (): Promise<Appended> =>
    log.append({ domain: 'account', stream: 'a', events: [{ id: 'e1', type: 'booked', data: 1 }] })
  disk.fails = true
  await expect(append()).rejects.toMatchObject({ code: 'commit-unknown', retryable: true })
  disk.fails = false
  expect(await append()).toMatchObject({ position: 1 })
  expect((await pool.query('SELECT amount FROM booked ORDER BY amount')).rows).toEqual([
    { amount: 1 },
    { amount: 3 },
  ])
  expect((await pool.query('SELECT id FROM inturn.log_event')).rows).toEqual([{ id: 'e1' }])
})

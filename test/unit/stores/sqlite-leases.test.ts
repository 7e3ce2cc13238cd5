// Leases whose end is kept: no clock that is set back, no other lease that is given back and no restart leads
// to a time that was used before (I5).
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SqliteFolder } from './sqlite-folder.ts'

let folder: SqliteFolder
beforeEach(() => {
  folder = new SqliteFolder()
})
afterEach(() => folder.remove())

test('an end that is kept outlasts expiry, cleaning up, a restart and a clock that is set back', async () => {
  const start = 1_700_000_000_000
  const clock = { ms: start }
  const now = (): number => clock.ms
  const store = await folder.store({ now })
  const ask = { ms: 1_000, usedUntil: 0 }
  expect(await store.lease('worker', { holder: 'one', ...ask })).toMatchObject({ now: start })
  await store.lease('sweep', { holder: 'one', ms: 1_000 })
  clock.ms += 5_000
  await store.lease('other', { holder: 'one', ms: 1_000 })
  await store.lease('other', { holder: 'one', ms: 0 })
  await store.close()
  clock.ms = start - 3_600_000
  const again = await folder.store({ now })
  expect(await again.lease('worker', { holder: 'two', ...ask })).toBeUndefined()
  expect(await again.lease('sweep', { holder: 'two', ms: 1_000 })).toBeDefined()
  clock.ms = start + 999
  expect(await again.lease('worker', { holder: 'two', ...ask })).toBeUndefined()
  clock.ms = start + 1_000
  expect(await again.lease('worker', { holder: 'two', ...ask })).toMatchObject({ now: start + 1_000 })
})

test('renewing under a clock that was set back brings the end no nearer', async () => {
  const clock = { ms: 1_700_000_000_000 }
  const store = await folder.store({ now: () => clock.ms })
  const first = await store.lease('worker', { holder: 'one', ms: 30_000 })
  clock.ms -= 3_600_000
  expect(await store.lease('worker', { holder: 'one', ms: 30_000 })).toEqual({ ...first, now: clock.ms })
})

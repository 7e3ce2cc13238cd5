// An event log that fails on purpose says the truth about what has happened, and reading it goes through the
// same calls.
import { expect, test } from 'vitest'
import { memoryEventLog } from '../../../src/stores/memory.ts'
import { aroundEventLog } from '../../../src/testing/around-event-log.ts'
import { all, account, ids, idsOf, numbersOf, to } from '../../../src/testing/event-log-suite/samples.ts'
import { faultAt, faultyEventLog } from '../../../src/testing/faults.ts'

test('a failure before an append leaves nothing, one after it leaves everything, untold', async () => {
  const log = memoryEventLog()
  const before = faultyEventLog(log, faultAt('append', 1, { fail: 'before' }))
  await expect(before.append(to('a', ['e1']))).rejects.toMatchObject({ code: 'store-unavailable' })
  expect(await idsOf(log)).toEqual([])
  const after = faultyEventLog(log, faultAt('append', 1, { fail: 'after' }))
  await expect(after.append(to('a', ['e1']))).rejects.toMatchObject({ code: 'commit-unknown' })
  expect(await idsOf(log)).toEqual(['e1'])
  expect(await after.append(to('a', ['e1']))).toMatchObject({ duplicate: true, position: 1 })
})

test('every page and every step of reading is a call', async () => {
  const log = memoryEventLog()
  await log.append(to('a', ids(450)))
  const calls = new Map<string, number>()
  const counted = aroundEventLog(log, (call, run) => {
    calls.set(call.method, call.nth)
    return run()
  })
  expect(await all(counted.readAll())).toHaveLength(450)
  expect(await all(counted.subscribe({ limit: 300 }))).toHaveLength(300)
  expect(await numbersOf(counted, 'a')).toHaveLength(450)
  expect(calls).toEqual(
    new Map([
      ['page', 3 + 2],
      ['read', 451],
    ]),
  )
  const failing = faultyEventLog(log, faultAt('read', 3, { fail: 'before' }))
  await expect(all(failing.read(account('a')))).rejects.toMatchObject({ retryable: true })
})

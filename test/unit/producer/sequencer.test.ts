// A sequencer never gives a number twice, and every number it gave is used or filled (I3), in memory and in
// SQLite, over restarts.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { FillEvent } from '../../../src/core/event.ts'
import type { SequenceStore } from '../../../src/ports/sequence-store.ts'
import { sequencer } from '../../../src/producer/sequencer.ts'
import { memorySequences } from '../../../src/stores/memory.ts'
import { sqliteEventLog, sqliteSequences } from '../../../src/stores/sqlite.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'inturn-sequencer-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const claimMs = 30_000
let now = 1_700_000_000_000

const makers: readonly { readonly name: string; readonly make: (file?: string) => SequenceStore }[] = [
  { name: 'memory', make: () => memorySequences({ now: () => now }) },
  {
    name: 'SQLite',
    make: (file = 'numbers.db') =>
      sqliteSequences(join(folder, file), { now: () => now, synchronous: 'normal' }),
  },
]

async function fillsOf(store: SequenceStore): Promise<FillEvent[]> {
  const fills: FillEvent[] = []
  await sequencer({ store, domain: 'account' }).publishFills(async (fill) => void fills.push(fill))
  return fills
}

const ended = { code: 'reservation-ended' }

describe.for(makers)('in $name', ({ make }) => {
  test('numbers are dense from 1 in each stream, singly and many at once', async () => {
    const numbers = sequencer({
      store: make(),
      domain: 'account',
      scope: (user: { id: number }) => `u${user.id}`,
    })
    const [one, three, other] = [
      await numbers.next({ id: 1 }),
      await numbers.next({ id: 1 }, 3),
      await numbers.next({ id: 2 }),
    ]
    expect([one.from, one.to, three.from, three.to, other.from]).toEqual([1, 1, 2, 4, 1])
    expect(one).toMatchObject({ domain: 'account', stream: 'u1', until: now + claimMs })
    await expect(numbers.next({ id: 1 }, 10_001)).rejects.toMatchObject({ code: 'config-invalid' })
  })

  test('what is used is never filled, and what is burned is, once', async () => {
    const store = make()
    const numbers = sequencer({ store, domain: 'account' })
    const used = await numbers.next('a')
    const burned = await numbers.next('a', 5)
    await used.use()
    await burned.burn('the booking was refused')
    expect(await fillsOf(store)).toEqual([
      {
        domain: 'account',
        stream: 'a',
        epoch: 0,
        fill: { from: 2, to: 6, reason: 'the booking was refused' },
      },
    ])
    expect(await fillsOf(store)).toEqual([])
    await expect(burned.use()).rejects.toMatchObject(ended)
    await expect(used.burn('too late')).rejects.toMatchObject(ended)
    // Said again after a failure that left the outcome unknown.
    await expect(used.use()).resolves.toBeUndefined()
    await expect(burned.burn('again')).resolves.toBeUndefined()
  })

  test('after a restart what was reserved before can be used, unless it is filled (I3)', async () => {
    const kept = await sequencer({ store: make(), domain: 'account' }).next('a')
    const store = make()
    const numbers = sequencer({ store, domain: 'account' })
    const first = (await numbers.next('b')).id
    await numbers.use(first)
    await numbers.use(first)
    const late = (await numbers.next('b')).id
    expect(kept.id).not.toBe('')
    now += claimMs
    await expect(numbers.use(late)).rejects.toMatchObject(ended)
    await numbers.use(first)
    await expect(numbers.use('999')).rejects.toMatchObject(ended)
    expect((await fillsOf(store)).filter(({ stream }) => stream === 'b')).toMatchObject([
      { fill: { from: 2 } },
    ])
  })

  test('numbers whose claim has ended are filled, and cannot be used any more', async () => {
    const store = make()
    const late = await sequencer({ store, domain: 'account' }).next('a')
    now += claimMs - 1
    expect(await fillsOf(store)).toEqual([])
    now += 1
    await expect(late.use()).rejects.toMatchObject(ended)
    expect((await fillsOf(store)).map(({ fill }) => [fill.from, fill.to])).toEqual([[1, 1]])
    await expect(late.use()).rejects.toMatchObject(ended)
    expect(await fillsOf(make('another.db'))).toEqual([])
  })

  test('a fill that was not published comes again, from the loop and from the call alike', async () => {
    const store = make()
    const timers = new VirtualTimers()
    const numbers = sequencer({ store, domain: 'account', timers })
    await (await numbers.next('a')).burn('one')
    await (await numbers.next('a')).burn('two')
    const failing = numbers.publishFills(() => Promise.reject(new Error('the broker is gone')))
    await expect(failing).rejects.toThrow('the broker is gone')
    const seen: number[] = []
    for await (const { fill } of numbers.fills()) {
      seen.push(fill.from)
      if (seen.length === 2) break
    }
    expect(seen).toEqual([1, 2])
    const controller = new AbortController()
    for await (const { fill } of numbers.fills({ signal: controller.signal })) {
      seen.push(fill.from)
      controller.abort()
    }
    expect(seen).toEqual([1, 2, 2])
    expect(await fillsOf(store)).toEqual([])
  })

  test('every number is used or filled, whatever is done with its reservation (I3)', async () => {
    const ways = fc.array(fc.constantFrom('use', 'burn', 'leave', 'wait', 'fill'), { maxLength: 30 })
    let files = 0
    await fc.assert(
      fc.asyncProperty(ways, async (some) => {
        const store = make(`numbers-${++files}.db`)
        const numbers = sequencer({ store, domain: 'account' })
        const used: number[] = []
        const filled: number[] = []
        const fill = async (): Promise<void> => {
          for (const { fill: range } of await fillsOf(store)) {
            for (let number = range.from; number <= range.to; number++) filled.push(number)
          }
        }
        for (const way of some) {
          const taken = await numbers.next('a', 1 + (some.length % 3))
          if (way === 'wait') now += claimMs
          if (way === 'fill') await fill()
          if (way === 'burn') await taken.burn('burned')
          if (way !== 'use') continue
          await taken.use()
          for (let number = taken.from; number <= taken.to; number++) used.push(number)
        }
        now += claimMs
        await fill()
        const last = await store.last({ domain: 'account', stream: 'a' })
        const all = Array.from({ length: last }, (_, index) => index + 1)
        expect([...used, ...filled].sort((a, b) => a - b)).toEqual(all)
        await store.close()
      }),
      { numRuns: 40 },
    )
  })

  test('a store that is closed refuses', async () => {
    const store = make()
    const numbers = sequencer({ store, domain: 'account' })
    await numbers.next('a')
    await store.close()
    await expect(numbers.next('a')).rejects.toMatchObject({ code: 'store-closed' })
  })
})

describe('in a SQLite file', () => {
  const file = (): string => join(folder, 'numbers.db')

  test('numbers go on after a restart and over several stores (I3)', async () => {
    const stores = [1, 2, 3].map(() => sqliteSequences(file(), { synchronous: 'normal' }))
    const taken = await Promise.all(
      stores.flatMap((store) =>
        Array.from({ length: 20 }, () => store.reserve({ domain: 'd', stream: 's' }, { count: 2, claimMs })),
      ),
    )
    const starts = taken.map((one) => one.from).sort((a, b) => a - b)
    expect(starts).toEqual(Array.from({ length: 60 }, (_, index) => index * 2 + 1))
    for (const store of stores) await store.close()
    const again = sqliteSequences(file())
    expect((await sequencer({ store: again, domain: 'd' }).next('s')).from).toBe(121)
    await again.close()
  })

  test('numbers of a transaction that is rolled back were never taken: no gap, no claim (I2)', async () => {
    const log = sqliteEventLog(file())
    const store = sqliteSequences(file())
    const place = { domain: 'd', stream: 's' }
    await log.open()
    const user = new DatabaseSync(file())
    user.exec('CREATE TABLE booking (number INTEGER PRIMARY KEY)')
    const book = (fails: boolean): Promise<number> =>
      log.transaction((transaction) => {
        const { from } = store.take(transaction, place)
        transaction.run('INSERT INTO booking VALUES (?)', from)
        if (fails) throw new Error('no money')
        return from
      })
    expect(await book(false)).toBe(1)
    await expect(book(true)).rejects.toThrow('no money')
    expect(await book(false)).toBe(2)
    expect(user.prepare('SELECT number FROM booking').all()).toEqual([{ number: 1 }, { number: 2 }])
    user.close()
    const elsewhere = sqliteSequences(join(folder, 'elsewhere.db'))
    await expect(log.transaction((transaction) => elsewhere.take(transaction, place))).rejects.toMatchObject({
      code: 'config-invalid',
    })
    await log.close()
    await store.close()
  })
})

// `effects: 'transaction'` on SQLite: what a handler writes and where its stream stands are one, whoever else
// fails.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { InturnError } from '../../../src/core/errors.ts'
import type { InturnEvent } from '../../../src/core/event.ts'
import { unordered } from '../../../src/core/numbering.ts'
import type { TransactionContext } from '../../../src/engine/domain-options.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import type { EngineNews } from '../../../src/ports/telemetry.ts'
import { systemTimers } from '../../../src/ports/timers.ts'
import type { SqliteTransaction } from '../../../src/stores/sqlite.ts'
import { faultAt, faultyStore } from '../../../src/testing/faults.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'
import { SqliteFolder } from '../stores/sqlite-folder.ts'
import type { DomainShape } from './engine-world.ts'
import { consumer, domain, evenRandom, event, events, path, verdictsOf } from './engine-world.ts'

type Context = TransactionContext<SqliteTransaction>

let folder: SqliteFolder
let timers: VirtualTimers
let news: EngineNews[]

beforeEach(() => {
  folder = new SqliteFolder()
  timers = new VirtualTimers()
  news = []
  folder.user().exec('CREATE TABLE booked (place TEXT, attempt INTEGER)')
})
afterEach(() => folder.remove())

const place = ({ stream, sequence }: InturnEvent): string => `${stream}:${String(sequence)}`

function book(called: InturnEvent, { transaction, attempt }: Context): void {
  transaction.run('INSERT INTO booked VALUES (?, ?)', place(called), attempt)
}

const now = (): number => 1_000_000 + timers.elapsedMs()

async function processor(fields: DomainShape, plan?: Parameters<typeof faultyStore>[1]): Promise<Processor> {
  const store = await folder.store({ now, timers: systemTimers, pragmas: { max_page_count: 500 } })
  return createProcessor<SqliteTransaction>({
    sweep: 'manual',
    consumer,
    store: plan === undefined ? store : faultyStore(store, plan, timers),
    timers,
    random: evenRandom,
    telemetry: (told) => void news.push(told),
    domains: { account: domain({ effects: 'transaction', handle: book, ...fields }) },
  })
}

function booked(): string[] {
  const rows = folder.user().prepare('SELECT place, attempt FROM booked ORDER BY rowid').all()
  return rows.map((row) => `${String(row['place'])}#${String(row['attempt'])}`)
}

async function streamOf(stream: string) {
  return (await folder.store()).reader.stream(consumer, path(stream))
}

/** Lets virtual time pass while real input and output go on. */
async function passing<Result>(work: Promise<Result>): Promise<Result> {
  const end = { isOver: false }
  const ended = work.finally(() => {
    end.isOver = true
  })
  ended.catch(() => undefined)
  while (!end.isOver) {
    await timers.advance(100)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return ended
}

describe('one effect (I2)', () => {
  it('effects and positions of a batch are there together', async () => {
    const account = await processor({})
    await account.process([...events('a', 2, 1), ...events('b', 1), ...events('a', 1, 3)])
    expect(booked()).toEqual(['a:1#1', 'a:2#1', 'a:3#1', 'b:1#1'])
    expect(await streamOf('a')).toMatchObject({ deliveries: 3, state: { position: 3 } })
  })

  it('a handler that throws has no effect; the innocent have theirs, once', async () => {
    const handle = (called: InturnEvent, context: Context): void => {
      book(called, context)
      if (place(called) === 'b:2') throw new Error('no b:2')
    }
    const account = await processor({ handle })
    const results = await account.process([...events('a', 1), ...events('b', 1, 2, 3), ...events('c', 1)])
    expect(verdictsOf(results)).toEqual(['deliver', 'deliver', 'hold', 'hold', 'deliver'])
    expect(results[2]?.error?.message).toBe('no b:2')
    expect(booked()).toEqual(['a:1#1', 'b:1#1', 'c:1#1'])
    expect((await streamOf('b'))?.state).toMatchObject({ position: 1, failing: { attempts: 1 } })
    expect((await streamOf('a'))?.state.failing).toBeUndefined()
  })

  it('several that fail stop their own streams, and dead letters drain in order', async () => {
    const fails = new Set(['a:1', 'b:2', 'b:3'])
    const handle = (called: InturnEvent, context: Context): void => {
      book(called, context)
      if (fails.has(place(called))) throw new Error('no')
    }
    const account = await processor({ handle, failure: { attempts: 1, then: 'dead-letter' } })
    await account.process([...events('a', 1, 2), ...events('b', 1, 2, 3, 4)])
    expect(booked().toSorted()).toEqual(['a:2#1', 'b:1#1', 'b:4#1'])
    const letters = await (await folder.store()).reader.deadLetters(consumer, { limit: 10 })
    expect(letters.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
  })

  it('attempts are counted over restarts', async () => {
    const handle = (): void => {
      throw new Error('no')
    }
    for (let attempt = 1; attempt <= 2; attempt++) {
      const account = await processor({ handle, failure: { backoff: 1 } })
      await account.process(events('a', 1))
      await timers.advance(1_000)
      await account.sweep()
    }
    expect((await streamOf('a'))?.state.failing).toMatchObject({ attempts: 3 })
  })

  it('an unknown commit is done once, whether it happened or not', async () => {
    for (const fail of ['before', 'after'] as const) {
      const account = await processor({}, faultAt('work', 1, { fail }))
      const batch = events(fail, 1, 2)
      await expect(account.process(batch)).rejects.toMatchObject({ retryable: true })
      await account.process(batch)
      expect(booked().filter((row) => row.startsWith(fail))).toEqual([`${fail}:1#1`, `${fail}:2#1`])
    }
  })

  it('a store failure in the middle of a batch undoes all of it', async () => {
    const account = await processor({}, faultAt('unit.commit', 1, { fail: 'after' }))
    await expect(account.process(events('a', 1, 2))).rejects.toMatchObject({ code: 'commit-unknown' })
    expect(booked()).toEqual([])
    await account.process(events('a', 1, 2))
    expect(booked()).toEqual(['a:1#1', 'a:2#1'])
  })

  it('an error of the store in a handler is not the handler’s, and counts no attempt (I10)', async () => {
    const ways: readonly ((error: unknown) => void)[] = [
      (error) => {
        throw error
      },
      () => {
        throw new Error('a handler that says it in its own words')
      },
      () => undefined,
    ]
    for (const [index, passOn] of ways.entries()) {
      let isFull = true
      const handle = (called: InturnEvent, context: Context): void => {
        book(called, context)
        try {
          if (isFull) context.transaction.run('INSERT INTO booked VALUES (?, 1)', 'x'.repeat(5_000_000))
        } catch (error) {
          passOn(error)
        }
      }
      const account = await processor({ handle })
      const stream = `s${index}`
      await expect(account.process(events(stream, 1))).rejects.toMatchObject({ code: 'store-full' })
      expect(await streamOf(stream)).toBeUndefined()
      isFull = false
      await account.process(events(stream, 1))
      expect(booked().at(-1)).toBe(`${stream}:1#1`)
    }
  })

  it('an error of another store in a handler is the handler’s, and stops its stream alone (I6)', async () => {
    for (const code of ['store-unavailable', 'store-full', 'store-closed', 'commit-unknown'] as const) {
      const [bad, good] = [`bad-${code}`, `good-${code}`]
      const handle = (called: InturnEvent, context: Context): void => {
        book(called, context)
        if (called.stream === bad) throw new InturnError(code, 'of somebody else', { retryable: true })
      }
      const account = await processor({ handle })
      await account.process([...events(bad, 1), ...events(good, 1, 2)])
      expect(booked().filter((row) => row.includes(code))).toEqual([`${good}:1#1`, `${good}:2#1`])
      expect((await streamOf(bad))?.state.failing).toMatchObject({ attempts: 1 })
    }
  })

  it('a savepoint that fails is the store’s failure, though a handler is near (I10)', async () => {
    const handle = (called: InturnEvent, context: Context): void => {
      book(called, context)
      if (called.stream === 'bad') throw new Error('so that each handler is behind a savepoint')
    }
    const account = await processor({ handle }, faultAt('unit.savepoint', 1, { fail: 'before' }))
    const batch = [...events('bad', 1), ...events('a', 1)]
    await expect(account.process(batch)).rejects.toMatchObject({ code: 'store-unavailable' })
    expect(await streamOf('a')).toBeUndefined()
    await account.process(batch)
    expect((await streamOf('bad'))?.state.failing).toMatchObject({ attempts: 1 })
    expect(booked()).toEqual(['a:1#1'])
  })
})

describe('handlers that take too long', () => {
  it('have no effect, also when they go on writing; the innocent have theirs once', async () => {
    const late: unknown[] = []
    const handle = async (called: InturnEvent, context: Context): Promise<void> => {
      book(called, context)
      if (called.stream !== 'slow') return
      await timers.sleep(60_000)
      try {
        book(called, context)
      } catch (error) {
        late.push(error)
      }
    }
    const account = await processor({ handle, timeout: '5s' })
    const batch = [...events('a', 1), ...events('slow', 1, 2), ...events('b', 1)]
    const results = await passing(account.process(batch))
    expect(results[1]?.error?.message).toMatch(/took longer than 5000 ms/)
    await passing(timers.sleep(60_000))
    expect(late).toMatchObject([{ code: 'handler-failed' }])
    expect(booked()).toEqual(['a:1#1', 'b:1#1'])
    expect((await streamOf('slow'))?.state.failing).toMatchObject({ attempts: 1 })
  })

  it('cannot write into the commit of the others, whichever of them is found first', async () => {
    const handle = async (called: InturnEvent, context: Context): Promise<void> => {
      if (called.stream === 'never') await new Promise(() => undefined)
      if (called.stream === 'slow') await timers.sleep(5_500)
      if (called.stream === 'steady') await timers.sleep(2_000)
      book(called, context)
    }
    const account = await processor({ handle, timeout: '5s' })
    await passing(account.process(['never', 'slow', 'steady'].flatMap((stream) => events(stream, 1))))
    await passing(timers.sleep(20_000))
    expect(booked()).toEqual(['steady:1#1'])
    expect((await streamOf('slow'))?.state.failing).toMatchObject({ attempts: 1 })
  })

  it('keep the others of their batch waiting for one of their events, and not for all (I6)', async () => {
    const handle = (called: InturnEvent, context: Context): unknown => {
      if (called.stream === 'slow') return new Promise(() => undefined)
      book(called, context)
      return undefined
    }
    const account = await processor({ handle, timeout: '5s', failure: { attempts: 1, then: 'dead-letter' } })
    await passing(account.process([...events('slow', 1, 2, 3, 4, 5, 6), ...events('a', 1)]))
    expect(timers.elapsedMs()).toBeLessThan(10_000)
    expect(booked()).toEqual(['a:1#1'])
    for (let rounds = 0; rounds < 6; rounds++) await passing(account.sweep())
    expect((await streamOf('slow'))?.state).toMatchObject({ position: 6, counts: { removed: 6 } })
  })
})

describe('handleBatch in a transaction', () => {
  it('gets all streams at once; if it throws, only the guilty event has no effect', async () => {
    const calls: string[][] = []
    const handleBatch = (called: readonly InturnEvent[], { transaction }: Context): void => {
      calls.push(called.map(place))
      for (const one of called) transaction.run('INSERT INTO booked VALUES (?, 1)', place(one))
      if (called.some((one) => place(one) === 'b:1')) throw new Error('no b:1')
    }
    const account = await processor({
      handle: undefined,
      handleBatch,
      failure: { attempts: 1, then: 'dead-letter' },
    })
    await account.process([...events('a', 1, 2), ...events('b', 1, 2)])
    expect(calls[0]).toEqual(['a:1', 'a:2', 'b:1', 'b:2'])
    expect(booked().toSorted()).toEqual(['a:1#1', 'a:2#1', 'b:2#1'])
  })
})

describe('a statement that rolls the whole transaction back', () => {
  it('fails its own event, and the innocent keep their effects (I2)', async () => {
    folder
      .user()
      .exec("CREATE UNIQUE INDEX once ON booked (place); INSERT INTO booked VALUES ('b:1', 0), ('d:1', 0)")
    const handle = (called: InturnEvent, { transaction }: Context): void => {
      transaction.run('INSERT OR ROLLBACK INTO booked VALUES (?, 1)', place(called))
    }
    const account = await processor({ handle, failure: { attempts: 1, then: 'dead-letter' } })
    await account.process('abcde'.split('').flatMap((stream) => events(stream, 1)))
    expect(booked().toSorted()).toEqual(['a:1#1', 'b:1#0', 'c:1#1', 'd:1#0', 'e:1#1'])
    const letters = await (await folder.store()).reader.deadLetters(consumer, { limit: 10 })
    expect(letters.map(({ stream }) => stream)).toEqual([path('b'), path('d')])
  })

  it('also where the handler hides it', async () => {
    folder.user().exec("CREATE UNIQUE INDEX once ON booked (place); INSERT INTO booked VALUES ('b:1', 0)")
    const handle = (called: InturnEvent, { transaction }: Context): void => {
      try {
        transaction.run('INSERT OR ROLLBACK INTO booked VALUES (?, 1)', place(called))
      } catch {
        // A handler that goes on as if nothing had happened.
      }
    }
    const account = await processor({ handle, failure: { attempts: 1, then: 'dead-letter' } })
    await account.process('abc'.split('').flatMap((stream) => events(stream, 1)))
    expect(booked().toSorted()).toEqual(['a:1#1', 'b:1#0', 'c:1#1'])
    expect((await streamOf('b'))?.state).toMatchObject({ counts: { delivered: 0, removed: 1 } })
  })
})

describe('unordered() in a transaction', () => {
  it('a failing one has no effect, the others have, and no wait keeps the transaction open', async () => {
    const handle = (called: InturnEvent, context: Context): void => {
      book({ ...called, sequence: called.sequence ?? 0 }, context)
      if (called.id === 'bad') throw new Error('bad')
    }
    const account = await processor({
      numbering: unordered({ idWindow: {} }),
      handle,
      failure: { attempts: 2 },
    })
    const loose = (id: string) => ({ ...event('s', 0), id })
    const processing = account.process([loose('x'), loose('bad'), loose('y')])
    while (booked().length < 2) await new Promise((resolve) => setImmediate(resolve))
    expect(timers.elapsedMs()).toBe(0)
    expect(await passing(processing)).toMatchObject([{}, { error: { message: 'bad' } }, {}])
    expect(booked()).toEqual(['s:0#1', 's:0#1'])
    expect(verdictsOf(await account.process([loose('x'), loose('bad')]))).toEqual(['duplicate', 'duplicate'])
  })

  it('one that takes too long cannot write into the commit of the others', async () => {
    const handle = async (called: InturnEvent, context: Context): Promise<void> => {
      if (called.id === 'slow') await timers.sleep(5_500)
      await Promise.resolve()
      book(called, context)
    }
    const account = await processor({
      numbering: unordered(),
      handle,
      timeout: '5s',
      failure: { attempts: 1 },
    })
    const results = await passing(
      account.process([{ ...event('s', 1), id: 'slow' }, event('s', 2), event('s', 3)]),
    )
    expect(results[0]?.error?.message).toMatch(/took longer/)
    await passing(timers.sleep(10_000))
    expect(booked()).toEqual(['s:2#1', 's:3#1'])
  })
})

it.each([
  ['at once', (write: () => void) => write()],
  ['later', async (write: () => void) => Promise.resolve().then(write)],
])(
  'a handler that opens the file itself, and meets its lock %s, is told of context.transaction',
  async (_how, run) => {
    const own = folder.user()
    own.exec('PRAGMA busy_timeout = 0')
    const handle = () => run(() => own.exec("INSERT INTO booked VALUES ('a', 1)"))
    const processor = createProcessor({
      consumer,
      store: await folder.store(),
      timers,
      log: false,
      domains: { account: domain({ effects: 'transaction', handle, failure: { attempts: 1 } }) },
    })
    const [result] = await processor.process(events('a', 1))
    expect(result?.error?.message).toMatch(/database is locked: .*write to it through context\.transaction/)
  },
)

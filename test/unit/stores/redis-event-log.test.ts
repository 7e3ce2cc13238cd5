// The event log on Redis beyond the laws of all logs: what it costs in calls, how it stays small, and what it
// says when the server has lost it (I3, I7).
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { EventLog } from '../../../src/ports/event-log.ts'
import { logSource } from '../../../src/producer/log-source.ts'
import type { RedisArgument, RedisClient } from '../../../src/redis/redis-client.ts'
import type { RedisEventLogOptions } from '../../../src/stores/redis.ts'
import { redisEventLog, redisSequences } from '../../../src/stores/redis.ts'
import { idDigest } from '../../../src/stores/redis/event-log/append-script.ts'
import { account, all, ids, idsOf, numbersOf, to } from '../../../src/testing/event-log-suite/samples.ts'
import type { TestClient } from '../../conformance/stores/redis-fixture.ts'
import { connectedClient, ownPrefix } from '../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'

let server: RedisServer
let admin: TestClient
let prefix: string
let log: EventLog
let warnings: string[]

beforeAll(async () => {
  server = await startRedis()
  admin = await connectedClient(server.url)
})
afterAll(async () => {
  admin.destroy()
  await server.stop()
})
beforeEach(async (context) => {
  prefix = ownPrefix()
  warnings = []
  log = logOver(server.url)
  await log.open()
  context.onTestFinished(() => log.close())
})

function logOver(target: Parameters<typeof redisEventLog>[0], options: RedisEventLogOptions = {}): EventLog {
  return redisEventLog(target, { prefix, onWarning: (message) => warnings.push(message), ...options })
}

const keyOf = (name: string): string => `{${prefix}:log}:${name}`

function large(count: number, bytes: number): Parameters<EventLog['append']>[0] {
  const events = ids(count).map((id) => ({ id, type: 'account.booked', data: `${id}${'x'.repeat(bytes)}` }))
  return { ...account('a'), events }
}

/** Redis as a client that counts, and may do something before a script is called. */
function counting(before: (call: number) => Promise<unknown> = async () => undefined): {
  readonly client: RedisClient
  readonly calls: { count: number }
} {
  const calls = { count: 0 }
  const sendCommand = async (args: RedisArgument[], options?: object): Promise<unknown> => {
    if (String(args[0]).startsWith('EVAL')) await before(++calls.count)
    return admin.sendCommand(args, options)
  }
  return { client: { sendCommand }, calls }
}

describe('calls', () => {
  test('an append that is awaited is one call, many that are not go together', async () => {
    const { client, calls } = counting()
    const counted = logOver({ client })
    await counted.append(to('a', ['first']))
    calls.count = 0
    await counted.append(to('a', ids(10)))
    expect(calls.count).toBe(1)
    await Promise.all(ids(300, 'n').map((id) => counted.append(to('a', [id]))))
    expect(calls.count).toBeLessThan(5)
    expect((await idsOf(log)).slice(11)).toEqual(ids(300, 'n'))
  })

  test('appends keep their order while scripts are forgotten and others load them (I1)', async () => {
    const other = logOver(server.url)
    const { client } = counting(async (call) => {
      if (call % 2 === 0) await admin.sendCommand(['SCRIPT', 'FLUSH'])
      if (call % 3 === 0) await other.append(to('other', [randomUUID()]))
    })
    const flushed = logOver({ client })
    for (let round = 0; round < 10; round++) {
      await Promise.all(ids(20, `r${round}-`).map((id) => flushed.append(to('a', [id]))))
    }
    const expected = Array.from({ length: 10 }, (_, round) => ids(20, `r${round}-`)).flat()
    expect((await all(log.read(account('a')))).map(({ id }) => id)).toEqual(expected)
    await other.close()
  })

  test('one append of a group that is refused leaves the others as they are (I2)', async () => {
    const ended = await Promise.allSettled([
      log.append(to('a', ['e1'])),
      log.append(to('a', ['e2'])),
      log.append(to('a', ['e3'], 7)),
      log.append(to('a', ['e1', 'e4'])),
      log.append(to('a', ['e2'])),
      log.append(to('a', ['e5'], 2)),
    ])
    expect(
      ended.map((end): unknown => (end.status === 'fulfilled' ? end.value.position : end.reason)),
    ).toMatchObject([1, 2, { code: 'append-conflict', actual: 2 }, { code: 'append-partly-known' }, 2, 3])
  })
})

describe('size', () => {
  test('ten thousand events are one append, and what no server would take is refused', async () => {
    const many = await log.append(to('a', ids(10_000)))
    expect(many.position).toBe(10_000)
    expect(await numbersOf(log, 'a')).toEqual(ids(10_000).map((_, index) => index + 1))
    expect((await log.append(to('a', ids(10_000)))).duplicate).toBe(true)
    const refused = { code: 'event-invalid' }
    await expect(log.append(to('a', ids(10_001, 'f')))).rejects.toMatchObject(refused)
    await expect(log.append(large(70, 990_000))).rejects.toMatchObject(refused)
    expect((await log.bounds()).last).toBe(10_000)
  })

  test('a page of large events ends early, and nothing is missing for it (I3, I7)', async () => {
    for (let from = 0; from < 3; from++) await log.append({ ...large(20, 300_000), stream: String(from) })
    const page = await log.page({ limit: 200 })
    expect(page.events.length).toBeLessThan(40)
    expect(page).toMatchObject({ isEnd: false, through: page.events.at(-1)?.place })
    expect(await idsOf(log)).toEqual([...ids(20), ...ids(20), ...ids(20)])
    expect(await numbersOf(log, '1')).toEqual(ids(20).map((_, index) => index + 1))
    const backwards = await all(log.read({ ...account('1'), backwards: true, limit: 15 }))
    expect(backwards.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 15 }, (_, n) => 20 - n))
    const archived: number[] = []
    const archive = async (events: readonly { readonly place: number }[]): Promise<void> => {
      archived.push(...events.map(({ place }) => place))
    }
    expect(await log.trim({ before: 51, archive })).toEqual({ removed: 50, first: 51 })
    expect(archived).toEqual(Array.from({ length: 50 }, (_, index) => index + 1))
  })

  test('every id that is kept is known and in one bucket, also after retention', async () => {
    const parts = Array.from({ length: 20 }, (_, part) => ids(100, `p${part}-`))
    for (const [part, some] of parts.entries()) await log.append(to(`s${part % 3}`, some))
    await log.trim({ before: 1951 })
    const buckets = await admin.sendCommand(['KEYS', keyOf('ids:*')])
    let count = 0
    for (const bucket of buckets as string[]) count += Number(await admin.sendCommand(['HLEN', bucket]))
    expect(count).toBe(50)
    expect(await admin.sendCommand(['HGET', keyOf('log'), 'ids'])).toBe('50')
    const last = parts[19] ?? []
    expect((await log.append(to('s1', last.slice(50)))).duplicate).toBe(true)
    expect((await log.append(to('s1', last.slice(0, 50)))).duplicate).toBe(false)
  })

  test('two ids with one digest are two ids', async () => {
    await log.append(to('a', ['e1']))
    const digest = idDigest('account/a', 'e2')
    const index = ['HSET', keyOf('ids:0'), digest, '1']
    await admin.sendCommand(index)
    expect((await log.append(to('a', ['e2']))).duplicate).toBe(false)
    expect(await admin.sendCommand(['HGET', keyOf('ids:0'), digest])).toBe('1 2')
    expect(await log.append(to('a', ['e2']))).toMatchObject({ duplicate: true, events: [{ sequence: 2 }] })
    await log.trim({ before: 3 })
    expect(await admin.sendCommand(['HGET', keyOf('ids:0'), digest])).toBe('1')
    expect((await log.append(to('a', ['e2']))).duplicate).toBe(false)
  })

  test('an event takes less than 130 bytes beyond its data, with a random id of 36 (I7)', async () => {
    const used = async (): Promise<number> => {
      const keys = (await admin.sendCommand(['KEYS', keyOf('*')])) as string[]
      let bytes = 0
      for (const key of keys) {
        bytes += Number(await admin.sendCommand(['MEMORY', 'USAGE', key, 'SAMPLES', '0']))
      }
      return bytes
    }
    const empty = await used()
    const count = 20_000
    let dataBytes = 0
    for (let from = 0; from < count; from += 500) {
      const events = Array.from({ length: 500 }, (_, index) => {
        const data = { amount: from + index, note: 'a booking of the day' }
        dataBytes += JSON.stringify(data).length
        return { id: randomUUID(), type: 'account.booked', data }
      })
      await log.append({ ...account(String((from / 500) % 10)), events })
    }
    expect(((await used()) - empty - dataBytes) / count).toBeLessThan(130)
  })
})

describe('what the server has', () => {
  test('numbers that are used up are refused, and nothing is appended', async () => {
    await log.append(to('a', ['e1']))
    await admin.sendCommand(['LSET', keyOf('at:1'), '1', String(Number.MAX_SAFE_INTEGER - 2)])
    await expect(log.append(to('a', ['e2', 'e3']))).rejects.toMatchObject({ code: 'event-invalid' })
    const { events } = await log.append(to('a', ['e2']))
    expect(events[0]?.sequence).toBe(Number.MAX_SAFE_INTEGER)
    expect((await log.bounds()).last).toBe(2)
  })

  test('a log that is gone is not begun anew under those who had opened it (I3)', async () => {
    await log.append(to('a', ids(3)))
    await admin.sendCommand(['DEL', ...((await admin.sendCommand(['KEYS', keyOf('*')])) as string[])])
    const gone = {
      code: 'store-corrupt',
      message: expect.stringMatching(/not the log that it was.*open the log anew/) as string,
    }
    await expect(log.append(to('a', ['e4']))).rejects.toMatchObject(gone)
    await expect(log.trim({ before: 2 })).rejects.toMatchObject(gone)
    await expect(log.bounds()).rejects.toMatchObject(gone)
    expect(await admin.sendCommand(['KEYS', keyOf('*')])).toEqual([])
    const next = logOver(server.url)
    expect((await next.append(to('a', ['e1']))).position).toBe(1)
    await expect(log.append(to('a', ['e4']))).rejects.toMatchObject(gone)
    await expect(log.page({ after: 1, limit: 9 })).rejects.toMatchObject(gone)
    await expect(numbersOf(log, 'a')).rejects.toMatchObject(gone)
    await log.close()
    await log.open()
    expect(await numbersOf(log, 'a')).toEqual([1])
    await next.close()
  })

  describe('when it has gone back', () => {
    const others: EventLog[] = []
    /** A log that has read or appended the places 1 to 3, of which the third is lost then. */
    async function goneBack(
      read: (reader: EventLog) => Promise<unknown> = (reader) => all(reader.readAll()),
    ): Promise<{ readonly reader: EventLog; readonly late: EventLog }> {
      await log.append(to('a', ids(3)))
      const [reader, late] = [logOver(server.url), logOver(server.url)]
      others.push(reader, late)
      await read(reader)
      await admin.sendCommand(['HSET', keyOf('log'), 'last', '2'])
      const entries = await admin.sendCommand(['XREVRANGE', keyOf('events'), '+', '-', 'COUNT', '2'])
      const [third = '', second = ''] = (entries as [string, unknown][]).map(([id]) => id)
      await admin.sendCommand(['XDEL', keyOf('events'), third])
      await admin.sendCommand(['XSETID', keyOf('events'), second])
      await admin.sendCommand(['HDEL', keyOf('ids:0'), idDigest('account/a', 'e3')])
      await admin.sendCommand(['RPOP', keyOf('at:1')])
      await late.open()
      return { reader, late }
    }
    afterEach(async () => {
      for (const other of others.splice(0)) await other.close()
    })

    test('who comes later knows nothing of it', async () => {
      const { late } = await goneBack()
      await late.append(to('a', ['f2b'], 2))
      expect(warnings).toEqual([])
    })

    test('an append says so once, with the places that are lost', async () => {
      await goneBack()
      await log.append(to('a', ['f3']))
      await log.append(to('a', ['f4']))
      expect(warnings).toEqual([expect.stringContaining('the events at the places 3 to 3 are lost')])
    })

    test('nobody waits behind its end for what other events will stand at (I3)', async () => {
      const { reader } = await goneBack()
      const gone = { code: 'store-corrupt' }
      await expect(reader.page({ after: 3, limit: 9 })).rejects.toMatchObject(gone)
      expect(await reader.page({ after: 2, limit: 9 })).toMatchObject({ isEnd: true, through: 2 })
      expect(await reader.page({ after: 99, limit: 9 })).toMatchObject({ isEnd: true })
      expect(warnings).toEqual([expect.stringContaining('3 to 3 are lost')])
    })

    test('a source that is started again begins anew, and passes over nothing (I3)', async () => {
      let note: string | undefined
      const checkpoint = { load: async () => note, save: async (value: string) => void (note = value) }
      const request = { max: 9, waitMs: 0, signal: new AbortController().signal }
      const { reader } = await goneBack(async (own) => {
        const source = logSource(own)
        await source.open(checkpoint)
        await source.settle(await source.read(request))
        await source.close()
      })
      await log.append(to('a', ['f3', 'f4']))
      const again = logSource(reader)
      await again.open(checkpoint)
      const read = await again.read(request)
      expect(read.map(({ message }) => message.id)).toEqual(['e1', 'e2', 'f3', 'f4'])
      await again.close()
    })
  })

  test('a log of a newer version is left alone', async () => {
    await log.append(to('a', ['e1']))
    await admin.sendCommand(['HSET', keyOf('log'), 'version', '99'])
    const newer = { code: 'store-schema-newer' }
    await expect(log.bounds()).rejects.toMatchObject(newer)
    await expect(idsOf(log)).rejects.toMatchObject(newer)
    await expect(logOver(server.url).open()).rejects.toMatchObject(newer)
    await expect(log.append(to('a', ['e2']))).rejects.toMatchObject(newer)
  })

  test('reading makes nothing, and says that there is no log', async () => {
    prefix = ownPrefix()
    const none = logOver(server.url)
    const reading = [() => idsOf(none), () => none.bounds(), () => none.bounds(account('a'))]
    for (const read of [...reading, () => numbersOf(none, 'a')]) {
      await expect(read()).rejects.toMatchObject({ code: 'store-unavailable', retryable: true })
    }
    expect(await admin.sendCommand(['KEYS', keyOf('*')])).toEqual([])
    await none.close()
  })

  test('what is not of the log is said to be in its way', async () => {
    await log.append(to('a', ['e1']))
    await admin.sendCommand(['DEL', keyOf('streams')])
    await admin.sendCommand(['SET', keyOf('streams'), 'mine'])
    await expect(log.append(to('a', ['e2']))).rejects.toMatchObject({ code: 'store-corrupt' })
  })
})

describe('the options', () => {
  test('each is checked, and named', () => {
    const wrong: [() => unknown, string][] = [
      [() => redisEventLog('localhost'), 'redisEventLog: takes a URL'],
      [() => redisEventLog('redis://localhost?prefix=x'), 'redisEventLog: takes a URL'],
      [() => redisEventLog('redis://localhost', { prefix: '{x}' }), 'redisEventLog: prefix'],
      [() => redisEventLog('redis://localhost', { pollMs: 0 }), 'redisEventLog: pollMs'],
      [() => redisEventLog('redis://localhost', { pollMaxMs: 0.5 }), 'redisEventLog: pollMaxMs'],
      [() => redisEventLog('redis://localhost', { replyMs: 0 }), 'redisEventLog: replyMs'],
      [() => redisEventLog('redis://localhost', { eventBytesMax: 0 }), 'redisEventLog: eventBytesMax'],
      [() => redisEventLog('redis://localhost', { appendMax: 100_001 }), 'redisEventLog: appendMax'],
      [() => redisSequences('localhost'), 'redisSequences: takes a URL'],
      [() => redisSequences('redis://localhost', { prefix: '' }), 'redisSequences: prefix'],
    ]
    for (const [make, message] of wrong) expect(make).toThrow(message)
  })

  test('logs of one server are told apart by their names, which have no password', () => {
    const names = ['redis://u:secret@bank:6379', 'redis://bank:6379/2'].map((url) => redisEventLog(url).name)
    names.push(redisEventLog('redis://bank:6379', { prefix: 'clicks' }).name)
    expect(names).toEqual(['redis bank:6379', 'redis bank:6379/2', 'redis bank:6379 clicks'])
  })
})

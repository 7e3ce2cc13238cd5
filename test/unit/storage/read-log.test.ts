// Reading a stream while retention is at work: `kept` is whatever is there when it is read, and a hole
// between two events is never passed over (I3). And following one, ever more slowly while nothing comes.
import { expect, test } from 'vitest'
import type { EventLog } from '../../../src/ports/event-log.ts'
import { followPages, readStream } from '../../../src/storage/read-log.ts'
import type { StreamPiece } from '../../../src/storage/read-log.ts'
import { memoryEventLog } from '../../../src/stores/memory.ts'
import { all, account, ids, to } from '../../../src/testing/event-log-suite/samples.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'

/** Reads a stream of a log that is trimmed in front of each of its pages. */
async function readWhileTrimmed(
  read: { readonly from: number | 'kept'; readonly backwards?: boolean },
  before: readonly number[],
): Promise<readonly number[]> {
  const log: EventLog = memoryEventLog()
  await log.append(to('a', ids(500)))
  let pieces = 0
  const piece = async (asked: StreamPiece) => {
    await log.trim({ before: before[pieces++] ?? 1 })
    const { backwards, from, to: last, limit } = asked
    const kept = await log.bounds(account('a'))
    const bounded = { ...account('a'), from: Math.max(from, kept.first), to: last, limit, backwards }
    return bounded.from > last ? [] : all(log.read(bounded))
  }
  const pages = { bounds: () => log.bounds(account('a')), piece }
  return (await all(readStream(pages, { ...account('a'), ...read }))).map(({ sequence }) => sequence)
}

const range = (from: number, last: number): number[] =>
  Array.from({ length: last - from + 1 }, (_, index) => from + index)

test('kept begins where retention has left the stream by the time it is read', async () => {
  expect(await readWhileTrimmed({ from: 'kept' }, [300])).toEqual(range(300, 500))
  expect(await readWhileTrimmed({ from: 'kept' }, [501])).toEqual([])
})

test('backwards kept ends where retention has left the stream by then', async () => {
  const read = { from: 'kept', backwards: true } as const
  expect(await readWhileTrimmed(read, [1, 200])).toEqual(range(200, 500).reverse())
  expect(await readWhileTrimmed(read, [1, 450])).toEqual(range(301, 500).reverse())
})

test('a number that was asked for, and a hole between two events, are errors', async () => {
  const below = { code: 'below-retention' }
  await expect(readWhileTrimmed({ from: 1 }, [300])).rejects.toMatchObject({ ...below, first: 300 })
  await expect(readWhileTrimmed({ from: 'kept' }, [1, 300])).rejects.toMatchObject({ ...below, first: 300 })
})

test('where nothing comes it looks less and less often, and as before once something came', async () => {
  const timers = new VirtualTimers()
  const log = memoryEventLog({ timers })
  const lookedAt: number[] = []
  const page: EventLog['page'] = async (request) => {
    lookedAt.push(timers.elapsedMs())
    return log.page(request)
  }
  const controller = new AbortController()
  const following = all(
    followPages({ page, timers, pollMs: 100, pollMaxMs: 1_000 }, { signal: controller.signal }),
  )
  await timers.advance(3_600)
  await log.append(to('a', ['e1']))
  await timers.advance(1_400)
  expect(lookedAt).toEqual([0, 100, 300, 700, 1_500, 2_500, 3_500, 4_500, 4_600, 4_800])
  controller.abort()
  await timers.advance(1_000)
  expect((await following).length).toBe(1)
})

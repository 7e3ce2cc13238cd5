// A search that is made again and again looks at each stream that waits about once (I6).
import { describe, expect, it } from 'vitest'
import { resolveDomains } from '../../../src/engine/resolve-domains.ts'
import { WaitingSearch } from '../../../src/engine/waiting-search.ts'
import type { StoreReader } from '../../../src/ports/store-reader.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import { consumer, gappedState, putStream } from '../operate/stored-stream.ts'
import { domain } from './engine-world.ts'

/** A store with streams that wait, of which some are told apart, and how many pages were read. */
async function searched(streams: number, wanted: Set<string>) {
  const store = memoryStore()
  await store.open()
  for (let nth = 0; nth < streams; nth++) {
    await putStream(store, { stream: name(nth), state: gappedState(3, [[5, 6]]), held: [5, 6] })
  }
  let pages = 0
  const reader: Pick<StoreReader, 'stream' | 'streams'> = {
    stream: (...asked) => store.reader.stream(...asked),
    streams: (...asked) => {
      pages++
      return store.reader.streams(...asked)
    },
  }
  const domains = resolveDomains({ account: domain({ handle: () => undefined }) })
  const parts = {
    store: { ...store, now: () => store.now(), reader: { ...store.reader, ...reader } },
    consumer,
    domains,
  }
  const search = new WaitingSearch(parts, ({ stream }) => wanted.has(stream))
  return { search, pagesRead: () => pages }
}

const name = (nth: number): string => String(nth).padStart(4, '0')
const path = (nth: number): string => `account/${name(nth)}`

describe('a search for a stream that waits', () => {
  it('asked again while it waits, reads no list', async () => {
    const { search, pagesRead } = await searched(1_200, new Set([path(1_100)]))
    const asked = []
    for (let times = 0; times < 20; times++) asked.push(await search.find())
    expect(asked).toEqual(Array.from({ length: 20 }, () => true))
    expect(pagesRead()).toBe(3)
  })

  it('goes on behind the last one, comes round to those in front, and ends when none is left', async () => {
    const wanted = new Set([path(700), path(1_100)])
    const { search } = await searched(1_200, wanted)
    expect(await search.find()).toBe(true)
    wanted.delete(path(700))
    expect(await search.find()).toBe(true)
    wanted.delete(path(1_100))
    wanted.add(path(3))
    expect(await search.find()).toBe(true)
    wanted.clear()
    expect(await search.find()).toBe(false)
  })

  it('costs about one pass over the streams, however many wait for it one after another', async () => {
    const wanted = new Set(Array.from({ length: 1_200 }, (_, nth) => path(nth)))
    const { search, pagesRead } = await searched(1_200, wanted)
    let found = 0
    for (; await search.find(); found++) wanted.delete(path(found))
    expect(found).toBe(1_200)
    expect(pagesRead()).toBeLessThan(1_210)
  })
})

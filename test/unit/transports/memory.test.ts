// The memory source beyond the laws of all sources: back pressure, redelivery on request, and virtual time.
import { describe, expect, test } from 'vitest'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'
import { memorySource } from '../../../src/transports/memory.ts'

const checkpoint = { load: () => Promise.resolve(undefined), save: () => Promise.resolve() }
const now = { max: 10, waitMs: 0, signal: new AbortController().signal }

describe('the memory source', () => {
  test('pushes back when it is full, and takes more once something is settled (I7)', async () => {
    const source = memorySource({ keptMax: 2 })
    await source.open(checkpoint)
    let isDone = false
    const pushing = source.push(['a', 'b', 'c']).then(() => (isDone = true))
    const read = await source.read(now)
    expect(read.map(({ message }) => message)).toEqual(['a', 'b'])
    await source.settle(read.slice(1))
    expect(isDone).toBe(false)
    await source.settle(read.slice(0, 1))
    await pushing
    expect((await source.read(now)).map(({ message }) => message)).toEqual(['c'])
    expect(source.unsettled).toBe(1)
  })

  test('a log that is told to redeliver begins behind its settled prefix', async () => {
    const source = memorySource()
    await source.open(checkpoint)
    await source.push(['a', 'b', 'c'])
    const [a, , c] = await source.read(now)
    if (a === undefined || c === undefined) throw new Error('nothing was read')
    await source.settle([a, c])
    source.redeliver()
    expect((await source.read(now)).map(({ message }) => message)).toEqual(['b', 'c'])
  })

  test('a queue that is told to redeliver delivers what is not settled, released or not', async () => {
    const timers = new VirtualTimers()
    const source = memorySource({ kind: 'queue', timers })
    await source.open(checkpoint)
    await source.push(['a', 'b', 'c'], { domain: 'letters' })
    const [a, b] = await source.read(now)
    if (a === undefined || b === undefined) throw new Error('nothing was read')
    await source.settle([a])
    await source.release([b], 60_000)
    source.redeliver()
    const again = await source.read(now)
    expect(again.map(({ message, domain }) => [message, domain])).toEqual([
      ['b', 'letters'],
      ['c', 'letters'],
    ])
    await timers.advance(60_000)
    expect(await source.read(now)).toEqual([])
  })

  test('a released message comes after its delay', async () => {
    const timers = new VirtualTimers()
    const source = memorySource({ kind: 'queue', timers })
    await source.open(checkpoint)
    await source.push(['a'])
    await source.release(await source.read(now), 1_000)
    let came: readonly unknown[] = []
    const reading = source.read({ ...now, waitMs: 5_000 }).then((read) => (came = read))
    await timers.advance(999)
    expect(came).toEqual([])
    await timers.advance(1)
    await reading
    expect(came).toHaveLength(1)
  })
})

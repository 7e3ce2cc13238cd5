// The past as a source has it: ascending, each number once, however it lies there, with bounded memory (I7).
import { describe, expect, it } from 'vitest'
import { contiguous } from '../../../src/core/numbering.ts'
import { historyOf } from '../../../src/engine/stream-history.ts'
import type { Source } from '../../../src/ports/source.ts'
import type { PastRange } from '../../../src/ports/stream-history.ts'
import { domain, event } from './engine-world.ts'

/** A source that makes its messages as it is read. */
function madeSource(
  count: number,
  message: (index: number) => unknown,
): Source & { readonly scans: () => number } {
  let place = 0
  let scans = 0
  return {
    name: 'archive',
    kind: 'log',
    scans: () => scans,
    open: async () => {
      place = 0
      scans++
    },
    read: async ({ max }) => {
      const first = place
      place = Math.min(count, place + max)
      return Array.from({ length: place - first }, (_, index) => ({
        message: message(first + index),
        origin: `archive:${first + index}`,
      }))
    },
    settle: async () => undefined,
    release: async () => undefined,
    isCaughtUp: async () => place >= count,
    close: async () => undefined,
  }
}

function reader(source: Source, fields: object = {}) {
  const history = historyOf(
    { domains: { account: domain({ handle: () => undefined, ...fields }) }, history: source },
    'account',
  )
  const range: PastRange = { stream: 'account/a', epoch: 0, from: 1, to: 1_000_000, limit: 500 }
  return async (asked: Partial<PastRange> = {}): Promise<readonly unknown[]> => {
    const found = (await history?.read({ ...range, ...asked })) ?? []
    return found.map(({ sequence }) => sequence)
  }
}

describe('the past in a source', () => {
  it('comes ascending and once, though it lies there backwards and twice, in few scans', async () => {
    const count = 25_000
    const source = madeSource(2 * count, (index) => event('a', count - (index % count)))
    const read = reader(source)
    const found: unknown[] = []
    for (let page = await read(); page.length > 0; page = await read({ from: Number(page.at(-1)) + 1 })) {
      found.push(...page)
    }
    expect(found).toEqual(Array.from({ length: count }, (_, index) => index + 1))
    expect(source.scans()).toBeLessThan(5)
  })

  it('is of one stream, one epoch and one range, and of readable events only', async () => {
    const messages = [
      event('b', 1),
      event('a', 1, { epoch: 1 }),
      { domain: 'account', stream: 'a' },
      { domain: 'account', stream: 'a', fill: { from: 2, to: 2, reason: 'x' } },
      event('a', 5),
      event('a', 4),
      event('a', 2),
    ]
    const read = reader(madeSource(messages.length, (index) => messages[index]))
    expect(await read({ from: 3, to: 4 })).toEqual([4])
    expect(await read({ to: 5, limit: 2 })).toEqual([2, 4])
    expect(await read({ epoch: 1 })).toEqual([1])
    expect(await read({ stream: 'account/c' })).toEqual([])
  })

  it('is not to be had of a wrapped counter, nor of a source that fails', async () => {
    const wrapped = reader(
      madeSource(0, () => undefined),
      { numbering: contiguous({ modulus: 256 }) },
    )
    await expect(wrapped()).rejects.toMatchObject({ code: 'history-unavailable' })
    const failing = {
      ...madeSource(1, () => event('a', 1)),
      read: () => Promise.reject(new Error('no disk')),
    }
    await expect(reader(failing)()).rejects.toThrow('archive cannot be read: no disk')
  })

  it('is read once at a time', async () => {
    const source = madeSource(1_000, (index) => event('a', index + 1))
    const read = reader(source)
    const pages = await Promise.all([read(), read({ from: 501 }), read({ from: 10, limit: 1 })])
    expect(pages.map((page) => page[0])).toEqual([1, 501, 10])
    expect(source.scans()).toBe(1)
  })
})

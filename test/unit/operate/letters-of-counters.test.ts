// Dead letters that never got into their stream, of a counter that wraps and has gone on meanwhile: none is
// taken for an event of another turn (I1, I3).
import { expect, test } from 'vitest'
import { contiguous } from '../../../src/core/numbering.ts'
import { letterReader } from '../../../src/engine/letter-reader.ts'
import { retryDeadLetters } from '../../../src/operate/retry-dead-letters.ts'
import type { RetryLetters } from '../../../src/operate/retry-dead-letters.ts'
import { consumer, domain, EngineWorld, event, sweepAll } from '../engine/engine-world.ts'

const operator = { by: 'ada', reason: 'the limit was too low' }
const numbering = contiguous({ start: 0, modulus: 8 })
const small = { eventBytesMax: 200 }

/** Numbers as a counter shows them, each with its own in the data. */
function shown(n: number, fields: object = {}): Record<string, unknown> {
  return event('a', n % 8, { id: `e${n}`, data: { n }, ...fields })
}

/** Numbers 0 to 11 came, and 4 was too large then: it is lost, or still waited for. */
async function counterWorld(then: 'skip' | 'wait', last = 11) {
  const world = new EngineWorld()
  await world.memory.open()
  const seen: unknown[] = []
  const handle = ({ sequence, data }: { sequence?: unknown; data: unknown }): void => {
    seen.push([sequence, Reflect.get(Object(data), 'n')])
  }
  const fields = { numbering, handle, gap: { patience: 1, then } }
  const processor = world.processor(fields, small)
  for (let n = 0; n <= last; n++) {
    const pad = n === 4 ? 'x'.repeat(300) : ''
    await processor.process([JSON.stringify(shown(n, { pad }))])
    await world.timers.advance(1_000)
    await sweepAll(processor)
  }
  const wide = world.processor(fields)
  const read = letterReader({ domains: { account: domain(fields) } })
  const target = { store: world.store(), consumer, domains: new Map(), timers: world.timers }
  await target.store.open()
  const [letter] = await world.deadLetters()
  const retry = async (request: Partial<RetryLetters>) => {
    const retried = await retryDeadLetters(target, { ...operator, only: 'too-large', read, ...request })
    await sweepAll(wide)
    return retried
  }
  return { world, seen, retry, key: letter?.key ?? '' }
}

test('one whose number may be of several turns is left, until somebody names its number', async () => {
  const { world, seen, retry, key } = await counterWorld('skip')
  const asItWas = seen.length
  const { admitted, refusals } = await retry({})
  expect(admitted).toBe(0)
  expect(refusals).toMatchObject([
    { key, why: 'its number 4 may stand for 4 or 12: name the one that it bears' },
  ])
  expect(await world.deadLetters()).toMatchObject([{ key }])
  await expect(retry({ key, sequence: 5 })).rejects.toThrow('its number is 4, which 5 is not')
  expect(seen).toHaveLength(asItWas)
  expect(await retry({ key, sequence: 4 })).toMatchObject({ admitted: 1 })
  // 4 was given up: it is late, and not delivered as 12.
  expect(seen).toHaveLength(asItWas)
  expect(await world.deadLetters()).toMatchObject([{ reason: 'late', sequence: 4, id: 'e4' }])
})

test('one whose number can be of one turn alone goes to its place', async () => {
  const { seen, retry } = await counterWorld('wait', 6)
  expect(await retry({})).toMatchObject({ admitted: 1, refused: 0 })
  expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6].map((n) => [n, n]))
})

test('a number goes with one letter that never got into its stream', async () => {
  const { retry } = await counterWorld('wait', 6)
  await expect(retry({ sequence: 4 })).rejects.toMatchObject({ code: 'usage' })
})

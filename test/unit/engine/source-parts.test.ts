// What a worker tells of a source with parts: at once whatever has changed, else now and then; and nothing of
// a source that has none, or cannot say it now.
import { expect, test } from 'vitest'
import { SourceParts } from '../../../src/engine/source-parts.ts'
import type { SourcePart } from '../../../src/ports/source.ts'
import type { EngineNews } from '../../../src/ports/telemetry.ts'

test('parts are told when they are others, when one stands still, and every ten seconds', async () => {
  const told: EngineNews[] = []
  let now: readonly SourcePart[] = [{ name: 'a', behind: 1 }]
  const parts = new SourceParts({ parts: () => Promise.resolve(now) }, (news) => told.push(news))
  const tellsAt = async (ms: number): Promise<boolean> => {
    const before = told.length
    await parts.tell(ms)
    return told.length > before
  }
  expect(await tellsAt(0)).toBe(true)
  now = [{ name: 'a', behind: 7 }]
  expect(await tellsAt(9_999)).toBe(false)
  expect(await tellsAt(10_000)).toBe(true)
  now = [{ name: 'a', behind: 7, problem: 'it is corrupt' }]
  expect(await tellsAt(10_001)).toBe(true)
  now = [{ name: 'b', behind: 7 }]
  expect(await tellsAt(10_002)).toBe(true)
  now = []
  expect(await tellsAt(10_003)).toBe(true)
  expect(told.at(-2)).toEqual({ kind: 'source-parts', parts: [{ name: 'b', behind: 7 }] })
})

test('a source without parts, and one that fails, tell nothing', async () => {
  const told: EngineNews[] = []
  await new SourceParts({}, (news) => told.push(news)).tell(0)
  await new SourceParts({ parts: () => Promise.reject(new Error('away')) }, (news) => told.push(news)).tell(0)
  expect(told).toEqual([])
})

// A stream is found as it is written in a store, and as a person would write it; where there is none, similar
// ones are named.
import { beforeAll, describe, expect, test } from 'vitest'
import { editDistance, findStream } from '../../../src/operate/find-stream.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import { consumer, gappedState, putStream } from './stored-stream.ts'

const store = memoryStore()
const view = { reader: store.reader, consumer }
const odd = ['a/b c', '100%', 'ü?#&=', '..', '%41', "'; --", '\u001b[31m']

beforeAll(async () => {
  await store.open()
  for (const stream of ['42', '43', 'customer-7', ...odd])
    await putStream(store, { stream, state: gappedState(1, []) })
})

describe('a stream is found', () => {
  // What looks like an encoded name is taken for one.
  test.each(odd.filter((stream) => stream !== '%41'))('%j, as it is', async (stream) => {
    expect(await findStream(view, `account/${stream}`)).toMatchObject({ kind: 'found' })
  })

  test.each(odd)('%j, percent-encoded', async (stream) => {
    const path = `account/${encodeURIComponent(stream)}`
    expect(await findStream(view, path)).toMatchObject({ kind: 'found' })
  })
})

describe('a stream that is not there', () => {
  test('brings those with a similar name', async () => {
    expect(await findStream(view, 'account/44')).toMatchObject({
      kind: 'unknown',
      near: ['account/42', 'account/43'],
    })
    expect(await findStream(view, '42')).toMatchObject({ near: ['account/42'] })
    expect(await findStream(view, 'Account/Customer-7')).toMatchObject({ near: ['account/customer-7'] })
    expect(await findStream(view, 'nothing-like-it')).toMatchObject({ near: [] })
  })
})

describe('edit distance', () => {
  test.each([
    ['', '', 0],
    ['kitten', 'sitting', 3],
    ['account/42', 'account/43', 1],
    ['abc', 'xyz', 3],
    ['short', 'much longer', 4],
  ])('%j to %j is %i, up to 3', (a, b, distance) => {
    expect(editDistance(a, b, 3)).toBe(distance)
  })
})

// The path of a stream, whichever others were asked for before.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodePart, parseStreamPath, streamPath } from '../../../src/core/stream-path.ts'

test('a path is made of its two parts, and they of it, whatever paths were made before', () => {
  for (let nth = 0; nth < 20_000; nth++) streamPath('many', `stream-${nth}`)
  const part = fc.oneof(fc.string(), fc.constantFrom('stream-1', 'a b', 'ä/b', 'x'.repeat(200)))
  const domain = fc.constantFrom('many', 'more', 'a/b', '')
  fc.assert(
    fc.property(fc.array(fc.tuple(domain, part), { maxLength: 20 }), (streams) => {
      for (const [name, stream] of streams) {
        expect(streamPath(name, stream)).toBe(`${encodePart(name)}/${encodePart(stream)}`)
        expect(parseStreamPath(streamPath(name, stream))).toEqual({ domain: name, stream })
      }
    }),
  )
})

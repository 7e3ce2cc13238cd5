// Requests of a sink are of a bounded size (I7), and have every message in its order (I1).
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { requestsOf } from '../../../src/ports/sending.ts'

const message = fc.nat(30).map((length) => ({
  domain: 'd',
  stream: 's',
  sequence: 1,
  id: 'i',
  type: 't',
  partitionKey: 's',
  json: 'x'.repeat(length),
}))

test('a request is within its limits, unless it is one message that is larger', () => {
  fc.assert(
    fc.property(fc.array(message), (messages) => {
      const requests = requestsOf(messages, { messagesMax: 4, bytesMax: 20 })
      expect(requests.flat()).toEqual(messages)
      const sizes = requests.map((request) => request.reduce((sum, { json }) => sum + json.length, 0))
      const tooLarge = requests.filter((request, index) => {
        return request.length > 4 || (request.length > 1 && (sizes[index] ?? 0) > 20)
      })
      expect(tooLarge).toEqual([])
      expect(requests).not.toContainEqual([])
    }),
  )
})

// What a Kafka source refuses, with what to do: options that cannot be, and a Node or a library that does not
// go with it.
import { expect, test } from 'vitest'
import type { KafkaSourceOptions } from '../../../../src/transports/kafka.ts'
import { kafkaSink, kafkaSource } from '../../../../src/transports/kafka.ts'
import { kafkaLibrary } from '../../../../src/transports/kafka/library.ts'

const good: KafkaSourceOptions = { brokers: ['localhost:9092'], groupId: 'billing', topics: ['accounts'] }

test('options that cannot be are refused by name', () => {
  expect(kafkaSource(good).name).toBe('kafka accounts, group billing')
  const wrong: readonly (readonly [Readonly<Record<string, unknown>>, string])[] = [
    [{ brokers: [] }, 'brokers takes a list of texts'],
    [{ brokers: 'localhost:9092' }, 'brokers takes a list of texts'],
    [{ topics: [''] }, 'each of topics takes a text'],
    [{ groupId: undefined }, 'groupId takes a text'],
    [{ group: 'x' }, 'kafkaSource.group is no option'],
    [{ start: 'latest' }, 'start takes beginning or new, not latest'],
    [{ byOffset: true }, 'byOffset takes partition or key, not true'],
    [{ sessionMs: 1 }, 'sessionMs takes a whole number from 1000'],
    [{ commitEveryMs: 0 }, 'commitEveryMs takes a whole number from 1'],
    [{ unsettledMax: 0.5 }, 'unsettledMax takes a whole number from 1'],
    [{ decode: {} }, 'decode takes a function, not object'],
    [{ domain: { others: 'x' } }, 'domain.others is no option; there are accounts'],
    [{ domain: '' }, 'domain takes a text'],
    [{ sasl: { mechanism: 'GSSAPI' } }, 'sasl.mechanism takes PLAIN or SCRAM-SHA-256'],
    [{ sasl: { mechanism: 'PLAIN', username: 'u' } }, 'sasl.password takes a text'],
    [{ sasl: { mechanism: 'OAUTHBEARER' } }, 'sasl.token takes a text'],
  ]
  for (const [options, message] of wrong) {
    expect(() => kafkaSource({ ...good, ...options })).toThrow(message)
    expect(() => kafkaSource({ ...good, ...options })).toThrow(
      expect.objectContaining({ code: 'config-invalid' }),
    )
  }
})

test('a Node that the library does not run on is refused', async () => {
  for (const old of ['20.20.2', '22.18.0', '22.21.9', '23.11.0', '24.5.0']) {
    await expect(kafkaLibrary(old)).rejects.toThrow(
      `Kafka needs Node 22.22 or later, or 24.6 or later; this is ${old}`,
    )
  }
  for (const fit of ['22.22.0', '24.6.0', '25.0.0'])
    expect(await kafkaLibrary(fit)).toHaveProperty('Consumer')
})

test('options of a sink that cannot be are refused by name', () => {
  const sink = { brokers: ['localhost:9092'], topic: 'accounts' }
  expect(kafkaSink(sink).name).toBe('kafka accounts')
  const wrong: readonly (readonly [Readonly<Record<string, unknown>>, string])[] = [
    [{ topic: undefined }, 'kafkaSink takes either topic or topicOf'],
    [{ topicOf: () => 'a' }, 'kafkaSink takes either topic or topicOf'],
    [{ topic: '' }, 'topic takes a text'],
    [{ topic: undefined, topicOf: 'a' }, 'topicOf takes a function, not string'],
    [{ compression: 'brotli' }, 'compression takes none or gzip'],
    [{ replyMs: 0 }, 'replyMs takes a whole number from 1'],
    [{ acks: 1 }, 'kafkaSink.acks is no option'],
  ]
  for (const [options, message] of wrong) expect(() => kafkaSink({ ...sink, ...options })).toThrow(message)
})

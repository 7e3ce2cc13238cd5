// A broker that says nothing, or is gone, is no reason to ask nobody else (I6, I10), on a real broker: what
// it says is changed, or somebody beside it takes connections and says nothing.
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import { Consumer } from '@platformatic/kafka'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { fieldOf } from '../../../../src/core/thrown.ts'
import { aroundRequests, asksOthers } from '../../../../src/transports/kafka/asks-others.ts'
import { kafkaLibrary } from '../../../../src/transports/kafka/library.ts'
import { freshTopic } from '../../../services/kafka-topic.ts'
import { kafkaBrokers } from '../../../services/shared-kafka.ts'

let brokers: string[]
beforeAll(async () => {
  brokers = await kafkaBrokers()
})

/** A client with a group, which waits for a broker that has just begun. */
function consumerOf(bootstrapBrokers: string[], groupId: string): Consumer {
  const made = { clientId: 'inturn-tests', groupId, bootstrapBrokers, autocommit: false, retryDelay: 100 }
  const consumer = new Consumer({ ...made, retries: 30, sessionTimeout: 6_000, rebalanceTimeout: 6_000 })
  consumer.on('error', () => undefined)
  onTestFinished(() => consumer.close(true))
  return consumer
}

/** Somebody who takes connections and says nothing. */
async function silentBroker(): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.resume()
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a coordinator that is not in the cluster is looked for anew', async () => {
  const library = await kafkaLibrary()
  const topic = await freshTopic(brokers)
  const consumer = consumerOf(brokers, topic.group)
  let asked = 0
  aroundRequests(library, consumer, (name, told) => {
    if (name !== 'FindCoordinator') return told
    return (error, result) => {
      // A group's first coordinator may not be there yet.
      const found: unknown = Reflect.get(Object(fieldOf(result, 'coordinators')), 0)
      if (found !== undefined && asked++ === 0) Reflect.set(Object(found), 'nodeId', 99)
      told(error, result)
    }
  })
  asksOthers(library, consumer)
  consumer.topics.track(topic.topic)
  await consumer.joinGroup({})
  expect(asked).toBeGreaterThan(1)
  expect(consumer.assignments).toEqual([{ topic: topic.topic, partitions: [0] }])
})

test('who leads what is asked of somebody else where the first one says nothing', async () => {
  const library = await kafkaLibrary()
  const topic = await freshTopic(brokers)
  const consumer = consumerOf([...brokers, await silentBroker()], topic.group)
  let isSilent = false
  // The first one of the list takes the place of one that has fallen silent.
  const { kGetBootstrapConnection } = library
  const getAny: unknown = Reflect.get(consumer, kGetBootstrapConnection)
  Reflect.set(consumer, kGetBootstrapConnection, (callback: unknown, attempt = 0) => {
    if (typeof getAny === 'function')
      Reflect.apply(getAny, consumer, [callback, attempt + (isSilent ? 1 : 0)])
  })
  asksOthers(library, consumer)
  const ask = (): Promise<unknown> => consumer.metadata({ topics: [topic.topic], forceUpdate: true })
  await ask()
  isSilent = true
  const before = performance.now()
  await ask()
  const [first, from] = [performance.now() - before, performance.now()]
  for (let nth = 0; nth < 20; nth++) await ask()
  // Only the first one has waited for who says nothing.
  expect(performance.now() - from).toBeLessThan(first)
})

// What the shop's trackers send: each user's clicks, numbered per user, thrown over three partitions that
// keep no order between them, a fifth of them twice. Ends with how many clicks there really were.
import { Admin, ProduceAcks, Producer, stringSerializers } from '@platformatic/kafka'

const bootstrapBrokers = (process.env['KAFKA_BROKERS'] ?? 'localhost:9092').split(',')
const [users, clicksEach, partitions] = [200, 15, 3]
const pages = ['home', 'search', 'shoes', 'hats', 'basket', 'checkout', 'paid']

const admin = new Admin({ clientId: 'shop', bootstrapBrokers })
await admin.createTopics({ topics: ['clicks'], partitions, replicas: 1 }).catch((error: unknown) => {
  if (!JSON.stringify(error).includes('TOPIC_ALREADY_EXISTS')) throw error
})
await admin.close()

const arrivals: { readonly at: number; readonly value: string }[] = []
for (let user = 1; user <= users; user++) {
  const begin = Math.random() * 10_000
  for (let sequence = 1; sequence <= clicksEach; sequence++) {
    const page = sequence === 1 ? 'home' : pages[Math.floor(Math.random() * pages.length)]
    const value = JSON.stringify({ stream: `user-${user}`, sequence, data: { page } })
    for (let copy = Math.random() < 0.2 ? 2 : 1; copy > 0; copy--) {
      arrivals.push({ at: begin + 100 * sequence + Math.random() * 2_000, value })
    }
  }
}
arrivals.sort((one, other) => one.at - other.at)

const producer = new Producer({ clientId: 'shop', bootstrapBrokers, serializers: stringSerializers })
const messages = arrivals.map(({ value }) => {
  return { topic: 'clicks', value, partition: Math.floor(Math.random() * partitions) }
})
// The client heeds `acks` of a send alone: without it a leader that dies takes acknowledged clicks along.
await producer.send({ messages, acks: ProduceAcks.ALL })
await producer.close()
console.log(`${users * clicksEach} clicks of ${users} users, ${messages.length} records`)

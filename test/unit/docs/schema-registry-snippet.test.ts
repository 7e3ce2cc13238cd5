// The snippet of the Kafka page that reads Avro by a schema registry does what it says: it waits for a
// registry that is away, asks once for a schema, and what cannot be read is a dead letter (I3).
import { once } from 'node:events'
import { symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { Producer } from '@platformatic/kafka'
import avro from 'avsc'
import { expect, test } from 'vitest'
import { freshTopic } from '../../services/kafka-topic.ts'
import { kafkaBrokers } from '../../services/shared-kafka.ts'
import { codeBlocks, root } from './marked-code.ts'
import { UserFolder } from './user-folder.ts'

const schema = {
  type: 'record',
  name: 'Booked',
  fields: ['stream', 'sequence', 'amount'].map((name) => {
    return { name, type: name === 'stream' ? 'string' : 'int' }
  }),
}
const known = 7

/** A value in the wire format. */
function wire(id: number, event: { stream: string; sequence: number; amount: number }): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(id, 1)
  return Buffer.concat([head, avro.Type.forSchema(schema as avro.Schema).toBuffer(event)])
}

test('Avro in the wire format of a registry is read, and what is not in it is a dead letter', async () => {
  const asked: string[] = []
  const registry = createServer((request, response) => {
    asked.push(request.url ?? '')
    // The first time it is away.
    if (asked.length === 1) request.socket.destroy()
    else if (request.url === `/schemas/ids/${known}`)
      response.end(JSON.stringify({ schema: JSON.stringify(schema) }))
    else response.writeHead(404).end()
  })
  registry.listen(0, '127.0.0.1')
  await once(registry, 'listening')
  const address = registry.address()
  if (typeof address !== 'object' || address === null) throw new Error('no free port')
  const topic = await freshTopic(await kafkaBrokers())
  const values = [
    wire(known, { stream: 'a', sequence: 1, amount: 5 }),
    wire(known, { stream: 'a', sequence: 2, amount: 6 }),
    Buffer.from('{"stream":"a"}'),
    wire(8, { stream: 'a', sequence: 3, amount: 7 }),
  ]
  const producer = new Producer({ clientId: 'inturn-tests', bootstrapBrokers: topic.brokers })
  await producer.send({ messages: values.map((value) => ({ topic: topic.topic, partition: 0, value })) })
  await producer.close()
  using folder = new UserFolder()
  for (const name of ['avsc', '@platformatic']) {
    symlinkSync(join(root, 'node_modules', name), join(folder.path, 'node_modules', name), 'junction')
  }
  const snippet = codeBlocks('docs/transports/kafka.md').find(({ code }) => code.includes("from 'avsc'"))
  const code = (snippet?.code ?? '')
    .replace('localhost:9092', topic.brokers[0] ?? '')
    .replace("'billing'", `'${topic.group}'`)
    .replace("'accounts'", `'${topic.topic}'`)
  const place = (name: string): string => join(folder.path, name)
  writeFileSync(place('source.ts'), code)
  writeFileSync(
    place('inturn.config.ts'),
    `import { contiguous, defineConfig } from 'inturn'
    import { sqliteStore } from 'inturn/stores/sqlite'
    import { source } from './source.ts'
    export default defineConfig({
      consumer: 'billing',
      store: sqliteStore('billing.db'),
      source,
      domains: {
        account: {
          numbering: contiguous(),
          effects: 'external',
          handle: ({ stream, sequence, data }) => console.log(stream, sequence, JSON.stringify(data)),
        },
      },
    })`,
  )
  process.env['SCHEMA_REGISTRY'] = `http://127.0.0.1:${address.port}`
  const ran = await folder.inturn('run', '--until', 'caught-up')
  delete process.env['SCHEMA_REGISTRY']
  registry.close()
  expect(ran.stdout, ran.stderr).toMatch(/^a 1 .*"amount":5.*\na 2 .*"amount":6/)
  expect(asked.toSorted()).toEqual([7, 7, 8].map((id) => `/schemas/ids/${id}`))
  const dead = await folder.inturn('dead', '--json')
  expect(dead.stdout).toContain('the value is not in the wire format of a registry')
  expect(dead.stdout).toContain('the registry has no schema 8')
})

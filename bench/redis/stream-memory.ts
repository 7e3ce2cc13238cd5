// How much memory a stream takes in Redis beyond its name: what the server uses more once many streams are
// there, each with a conflict memory that is full. Ledger, dead letters and held events are none here.
import { randomUUID } from 'node:crypto'
import { createClient } from 'redis'
import { benchProcessor } from './with-inturn.ts'

const eventsEach = 16
const streamsAtOnce = 250

/** Bytes a stream. */
export async function streamMemory(url: string, streams: number): Promise<number> {
  const client = createClient({ url })
  await client.connect()
  await client.flushAll()
  const used = async (): Promise<number> =>
    Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1])
  const processor = benchProcessor(url, eventsEach * streamsAtOnce)
  await processor.process([])
  const before = await used()
  let nameBytes = 0
  for (let from = 0; from < streams; from += streamsAtOnce) {
    const names = Array.from({ length: streamsAtOnce }, () => randomUUID())
    nameBytes += names.reduce((sum, name) => sum + `account/${name}`.length, 0)
    await processor.process(
      names.flatMap((stream) =>
        Array.from({ length: eventsEach }, (_, index) => ({
          stream,
          sequence: index + 1,
          id: randomUUID(),
          data: {},
        })),
      ),
    )
  }
  const bytes = (await used()) - before - nameBytes
  await processor.close()
  client.destroy()
  return bytes / streams
}

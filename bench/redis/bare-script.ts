// The bare limit on Redis: the messages are parsed, and of each batch the positions are compared and set with
// one script a shard, all in one round trip; the same client, shards and batches, and no inturn.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createClient } from 'redis'
import { fingerprint } from '../../src/core/fingerprint.ts'
import type { BenchEvent, Share, Work } from './share.ts'
import { messagesOf } from './share.ts'

const shards = 64
const script = readFileSync(new URL('compare-and-set.lua', import.meta.url), 'utf8')
const sha = createHash('sha1').update(script).digest('hex')

/** A process that works off its share with the bare script. */
export async function bareScript(share: Share): Promise<Work> {
  const { move } = await bareMoves(share.url)
  const messages = messagesOf(share)
  return async (done) => {
    for (let from = 0; from < messages.length; from += share.batch) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the messages are the bench's own
      const batch = messages.slice(from, from + share.batch).map((text) => JSON.parse(text) as BenchEvent)
      await move(batch)
      done(batch.length)
    }
  }
}

/** What moves the positions of batches. */
export interface BareMoves {
  readonly move: (batch: readonly BenchEvent[]) => Promise<void>
  readonly close: () => void
}

/** Connects to a server, to move positions there. */
export async function bareMoves(url: string): Promise<BareMoves> {
  const client = createClient({ url })
  await client.connect()
  await client.sendCommand(['SCRIPT', 'LOAD', script])
  const move: BareMoves['move'] = async (batch) => {
    const byShard = new Map<number, Map<string, [first: number, last: number]>>()
    for (const { stream, sequence } of batch) {
      const shard = fingerprint(stream) % shards
      const inShard = byShard.get(shard) ?? new Map<string, [number, number]>()
      byShard.set(shard, inShard)
      const range = inShard.get(stream)
      if (range === undefined) inShard.set(stream, [sequence, sequence])
      else range[1] = sequence
    }
    const replies = await Promise.all(
      [...byShard].map(async ([shard, inShard]) => {
        const args = [...inShard].flatMap(([stream, [first, last]]) => [stream, String(first), String(last)])
        const moved = await client.sendCommand(['EVALSHA', sha, '1', `{bench:${shard}}:positions`, ...args])
        return Number(moved) === inShard.size
      }),
    )
    if (!replies.every(Boolean)) throw new Error('an event was out of turn')
  }
  return { move, close: () => client.destroy() }
}

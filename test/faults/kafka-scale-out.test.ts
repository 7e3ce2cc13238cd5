// Scale-out: one topic of 24 partitions, thousands of users whose events the sequencer's store has numbered,
// one worker, then two, up to four, of which the oldest is killed each time while another comes. All effects
// are there once and in order, the books balance, the effects are audited clean, and the group is behind
// nothing (I1, I2, I3, I5). More of it with `npm run soak`, which also notes how it goes, second by second.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { InturnError } from '../../src/core/errors.ts'
import type { Sink, SinkMessage } from '../../src/ports/sink.ts'
import { sample } from '../../src/testing/sink-suite/sink-world.ts'
import { kafkaSink } from '../../src/transports/kafka.ts'
import { freshTopic } from '../services/kafka-topic.ts'
import { kafkaBrokers } from '../services/shared-kafka.ts'
import { allOnce, KafkaWorld } from './kafka-world.ts'

const isSoak = process.env['INTURN_SOAK_ROUNDS'] !== undefined
const [partitions, rounds] = [24, 6]
const [streams, each] = isSoak ? [100_000, 1] : [1_500, 2]
const [workersMax, aSend] = [4, 1_000]
/** The soak may run on a machine that is busy with other things. */
const timeout = isSoak ? 3_600_000 : 600_000

/** Sends the next events of every user, numbered by the sequencer's store in the order in which they are. */
async function send({ topic: { brokers, topic }, place }: KafkaWorld, round: number): Promise<void> {
  const sink = kafkaSink({ brokers, topic })
  await sink.open()
  for (let step = 0; step < each; step++) {
    for (let first = 0; first < streams; first += aSend) {
      const users = Array.from(
        { length: Math.min(aSend, streams - first) },
        (_, index) => `u${first + index}`,
      )
      const messages = users.map((stream) => ({
        domain: 'account',
        stream,
        id: `${stream}-${round}-${step}`,
      }))
      const numbers = await place.sequences.assign({ scope: topic, messages, windowMax: aSend })
      const list = users.map((user, index) => sample(user, numbers[index] ?? Number.NaN))
      await sendAtLast(sink, list)
    }
  }
  await sink.close()
}

/** Sends as a relay does: again, after a broker that was too busy to be heard of. */
async function sendAtLast(sink: Sink, list: readonly SinkMessage[]): Promise<void> {
  const { signal } = new AbortController()
  for (;;) {
    try {
      await sink.send(list, { signal })
      return
    } catch (error) {
      if (!(error instanceof InturnError && error.retryable)) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

interface Second {
  /** Since the first worker was started. */
  readonly second: number
  readonly done: number
  readonly behind: number
  readonly workers: number
}

/** Notes how a world goes, second by second, until it is told to end. */
function noteSeconds(world: KafkaWorld): { end(): Promise<readonly Second[]> } {
  const seconds: Second[] = []
  const began = performance.now()
  const ended = new AbortController()
  const note = async (): Promise<void> => {
    const [done, behind] = await Promise.all([world.place.done(), world.behind()])
    const second = Math.round((performance.now() - began) / 100) / 10
    seconds.push({ second, done, behind, workers: world.workers.length })
  }
  const noting = (async () => {
    while (!ended.signal.aborted) {
      await note()
      await new Promise((resolve) => setTimeout(resolve, 1_000))
    }
  })()
  return {
    end: async () => {
      ended.abort()
      await noting
      await note()
      return seconds
    },
  }
}

describe.each(['postgres', 'redis'] as const)('on %s', (store) => {
  test('workers that come and are killed do all of thousands of streams once', { timeout }, async () => {
    const topic = await freshTopic(await kafkaBrokers(), { partitions })
    const world = await KafkaWorld.make(store, topic, {
      source: 'sessionMs: 3_000,',
      // A worker that has to wait for its processor so long must not be taken for dead.
      worker: isSoak ? "claim: '15s'," : '',
    })
    const folder = process.env['INTURN_SCALE_OUT_NOTES']
    const notes = folder === undefined ? undefined : noteSeconds(world)
    const aRound = streams * each
    for (let round = 0; round < rounds; round++) {
      const [oldest] = world.workers
      if (world.workers.length === workersMax && oldest !== undefined) await world.kill(oldest)
      world.start()
      await send(world, round)
      // In the middle of the round, so that much is in hand.
      await world.untilDone(round * aRound + aRound / 4)
    }
    await world.untilDone(rounds * aRound)
    await world.until(async () => (await world.behind()) === 0)
    if (folder !== undefined && notes !== undefined) {
      const about = { store, partitions, streams, events: rounds * aRound }
      mkdirSync(folder, { recursive: true })
      const text = JSON.stringify({ ...about, seconds: await notes.end() })
      writeFileSync(join(folder, `kafka-scale-out-${store}.json`), `${text}\n`)
    }
    expect(await world.finish()).toEqual(allOnce({ streams, events: rounds * each }))
  })
})

// Workers as processes over one topic and one store, for tests that do them harm, and what their handlers
// have done there: each effect is written with the position, so that one that is there twice, out of turn or
// not at all can be seen.
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Client as PostgresClient } from 'pg'
import { createClient } from 'redis'
import { onTestFinished } from 'vitest'
import type { SequenceStore } from '../../src/ports/sequence-store.ts'
import type { Store } from '../../src/ports/store.ts'
import { postgresSequences, postgresStore } from '../../src/stores/postgres.ts'
import { redisSequences, redisStore } from '../../src/stores/redis.ts'
import { sqliteSequences, sqliteStore } from '../../src/stores/sqlite.ts'
import type { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { Running, TestFolder } from '../integration/run-inturn.ts'
import { inturn, sourceUrl, startInturn, testFolder } from '../integration/run-inturn.ts'
import type { TestTopic } from '../services/kafka-topic.ts'
import { groupOffsets } from '../services/kafka-topic.ts'
import { startRedis } from '../services/redis-server.ts'
import { freshDatabase } from '../services/shared-postgres.ts'

const consumer = 'clicks'

/** A store that is empty, and what handlers do there. */
interface Place {
  /** The store, to look into. */
  readonly store: Store
  readonly sequences: SequenceStore
  /** The store of a configuration, as code, and how its handler notes the number of an event. */
  readonly storeCode: string
  readonly domainCode: string
  /** The numbers that were noted, by stream, in the order in which they were. */
  noted(): Promise<ReadonlyMap<string, readonly number[]>>
  /** How many numbers were noted. */
  done(): Promise<number>
  close(): Promise<void>
}

interface Note {
  readonly stream: string
  readonly sequence: number
}

function byStream(notes: readonly Note[]): ReadonlyMap<string, readonly number[]> {
  const streams = Map.groupBy(notes, ({ stream }) => stream)
  return new Map([...streams].map(([stream, own]) => [stream, own.map(({ sequence }) => sequence)]))
}

async function sqlite({ path }: TestFolder): Promise<Place> {
  const file = join(path, 'place.db')
  const database = new DatabaseSync(file, { timeout: 30_000 })
  database.exec('PRAGMA journal_mode = WAL')
  database.exec('CREATE TABLE note (id INTEGER PRIMARY KEY, stream TEXT, sequence INTEGER)')
  return {
    store: sqliteStore(file),
    sequences: sqliteSequences(file),
    storeCode: `(await import(${sourceUrl('stores/sqlite.ts')})).sqliteStore(${JSON.stringify(file)})`,
    domainCode: `
      effects: 'transaction',
      handle: ({ stream, sequence }, { transaction }) => {
        transaction.run('INSERT INTO note (stream, sequence) VALUES (?, ?)', stream, Number(sequence))
      },`,
    noted: async () => {
      const rows = database.prepare('SELECT stream, sequence FROM note ORDER BY id').all()
      return byStream(
        rows.map((row) => ({ stream: String(row['stream']), sequence: Number(row['sequence']) })),
      )
    },
    done: async () => Number(database.prepare('SELECT count(*) AS count FROM note').get()?.['count']),
    close: async () => database.close(),
  }
}

async function postgres(): Promise<Place> {
  const database = await freshDatabase()
  const client = new PostgresClient({ connectionString: database.url })
  await client.connect()
  await client.query('CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY, stream text, sequence int)')
  return {
    store: postgresStore(database.url),
    sequences: postgresSequences(database.url),
    storeCode: `(await import(${sourceUrl('stores/postgres.ts')})).postgresStore('${database.url}')`,
    domainCode: `
      effects: 'transaction',
      handleBatch: async (events, { transaction }) => {
        const numbers = events.map(({ sequence }) => Number(sequence))
        const columns = [events.map(({ stream }) => stream), numbers]
        const insert = 'INSERT INTO note (stream, sequence) SELECT * FROM unnest($1::text[], $2::int[])'
        await transaction.query(insert, columns)
      },`,
    noted: async () => {
      const { rows } = await client.query<Note>('SELECT stream, sequence FROM note ORDER BY id')
      return byStream(rows)
    },
    done: async () => {
      const { rows } = await client.query<{ count: number }>('SELECT count(*)::int AS count FROM note')
      return rows[0]?.count ?? 0
    },
    close: async () => {
      await client.end()
      await database.drop()
    },
  }
}

async function redis(): Promise<Place> {
  const server = await startRedis()
  const client = createClient({ url: server.url })
  await client.connect()
  const store = redisStore(server.url)
  return {
    store,
    sequences: redisSequences(server.url),
    storeCode: `(await import(${sourceUrl('stores/redis.ts')})).redisStore('${server.url}')`,
    domainCode: `
      effects: 'external',
      handle: ({ sequence }, { redis }) => {
        redis.call('RPUSH', redis.key('note'), String(sequence))
      },`,
    noted: async () => {
      const keys = await client.keys('*:own:*note')
      const found = new Map<string, readonly number[]>()
      // By keys, each with its stream in it; some at a time: the client gives up what waits for seconds.
      for (let first = 0; first < keys.length; first += 1_000) {
        const some = keys.slice(first, first + 1_000)
        const lists = await Promise.all(some.map((key) => client.lRange(key, 0, -1)))
        for (const [index, key] of some.entries()) found.set(key, (lists[index] ?? []).map(Number))
      }
      return found
    },
    done: async () => (await store.reader.summary(consumer)).deliveries,
    close: async () => {
      await client.close()
      await server.stop()
    },
  }
}

/** Which stores there are. */
export const kafkaPlaces: Readonly<Record<'sqlite' | 'postgres' | 'redis', typeof sqlite>> = {
  sqlite,
  postgres,
  redis,
}

/** What configurations say besides, as code between braces. */
interface WorldOptions {
  readonly source?: string
  readonly worker?: string
  readonly numbering?: string
}

/** Workers, and what came of them. */
export class KafkaWorld {
  readonly topic: TestTopic
  readonly place: Place
  readonly #folder: TestFolder
  readonly #running = new Set<Running>()

  private constructor(topic: TestTopic, place: Place, folder: TestFolder) {
    this.topic = topic
    this.place = place
    this.#folder = folder
  }

  /** Makes a world that ends with its test. */
  static async make(
    store: keyof typeof kafkaPlaces,
    topic: TestTopic,
    options: WorldOptions = {},
  ): Promise<KafkaWorld> {
    const folder = testFolder()
    const place = await kafkaPlaces[store](folder)
    await place.store.open()
    await place.sequences.open()
    folder.write('inturn.config.ts', configOf(place, topic, options))
    const world = new KafkaWorld(topic, place, folder)
    // Also where the test has no more time: its workers must not outlive it.
    onTestFinished(async ({ task }) => {
      try {
        if (task.result?.state === 'fail') process.stderr.write(await world.#told())
      } finally {
        await world.#end()
      }
    })
    return world
  }

  /** Where everything stands, and what the workers have said that run. */
  async #told(): Promise<string> {
    const { stdout, stderr } = await this.run('status')
    const said = this.workers.map((worker) => `a worker said:\n${worker.stderr()}`)
    return [stdout, stderr, `behind: ${await this.behind()}\n`, ...said].join('')
  }

  async #end(): Promise<void> {
    for (const worker of this.#running) await this.kill(worker)
    await this.place.sequences.close()
    await this.place.store.close()
    await this.place.close()
    this.#folder.remove()
  }

  /** The workers that run, the oldest first. */
  get workers(): readonly Running[] {
    return [...this.#running]
  }

  start(): Running {
    const worker = startInturn(this.#folder.path, 'run')
    this.#running.add(worker)
    return worker
  }

  /** Ends a worker without warning. */
  async kill(worker: Running): Promise<void> {
    this.#running.delete(worker)
    worker.child.kill('SIGKILL')
    await worker.ended
  }

  /** Runs a command of inturn on this configuration. */
  run(...args: readonly string[]): ReturnType<typeof inturn> {
    return inturn(this.#folder.path, ...args)
  }

  /** Asks a worker to end; what it ended with. */
  async stop(worker: Running): Promise<number | null> {
    worker.child.kill('SIGTERM')
    const { code } = await worker.ended
    this.#running.delete(worker)
    return code
  }

  /** How many records the group is behind. */
  async behind(): Promise<number> {
    const offsets = await groupOffsets(this.topic)
    return offsets.reduce((sum, { committed, end }) => sum + end - committed, 0)
  }

  /**
   * Waits until something holds, and asks no more often than costs nothing. A worker that ends by itself
   * meanwhile is an error.
   */
  async until(holds: () => Promise<boolean>): Promise<void> {
    for (;;) {
      const asked = performance.now()
      if (await holds()) return
      const tookMs = performance.now() - asked
      const early = this.workers.find(({ child }) => child.exitCode !== null)
      if (early !== undefined) throw new Error(`a worker ended: ${(await early.ended).stderr}`)
      await new Promise((resolve) => setTimeout(resolve, Math.max(50, 10 * tookMs)))
    }
  }

  /** Waits until so many events have had their effect. */
  untilDone(least: number): Promise<void> {
    return this.until(async () => (await this.place.done()) >= least)
  }

  /** Ends all workers, has another one look for what is left, and says what has come of all of it. */
  async finish(): Promise<Outcome> {
    const exits = await Promise.all(this.workers.map((worker) => this.stop(worker)))
    const last = await this.run('run', '--until', 'caught-up')
    const noted = await this.place.noted()
    const lines = [...noted].flatMap(([stream, own]) =>
      own.map((sequence) => `${JSON.stringify({ stream, sequence })}\n`),
    )
    const file = this.#folder.write('effects.ndjson', lines.join(''))
    const audited = await this.run('audit', file, '--json')
    const verified = await this.run('verify')
    return {
      exits: [...new Set([...exits, last.code])],
      streams: noted.size,
      counts: [...new Set([...noted.values()].map((own) => own.length))],
      outOfTurn: [...noted].flatMap(([stream, own]) =>
        own.every((sequence, index) => sequence === index + 1) ? [] : [`${stream}: ${own.join()}`],
      ),
      audited: audited.code,
      verified: verified.code === 0 ? 'everything adds up' : `${verified.stdout}${verified.stderr}`,
      behind: await this.behind(),
    }
  }
}

/** What has come of a world. */
interface Outcome {
  /** With what workers ended that were asked to. */
  readonly exits: readonly (number | null)[]
  /** How many streams had effects, and how many each of them had. */
  readonly streams: number
  readonly counts: readonly number[]
  readonly outOfTurn: readonly string[]
  readonly audited: number | null
  readonly verified: string
  readonly behind: number
}

/** Each of so many streams has had each of so many numbers once and in order, and nothing is left. */
export function allOnce({ streams, events }: { streams: number; events: number }): Outcome {
  const sound = { outOfTurn: [], audited: 0, verified: 'everything adds up', behind: 0 }
  return { exits: [0], streams, counts: [events], ...sound }
}

/**
 * Adds the numbers `from..to` of streams `u0..`, shuffled, a fifth of them twice, so that each stream lies in
 * all of the partitions.
 */
export async function addShuffled(
  topic: TestTopic,
  added: { streams: number; from: number; to: number; partitions: number; random: SeededRandom },
): Promise<void> {
  const { streams, from, to, partitions, random } = added
  const all = Array.from({ length: streams * (to - from + 1) }, (_, index) => {
    const sequence = from + Math.floor(index / streams)
    return JSON.stringify({ stream: `u${index % streams}`, sequence, data: null })
  })
  const sent = [...all, ...all.filter(() => random.chance(0.2))]
    .map((text) => ({ text, at: random.next() }))
    .sort((one, other) => one.at - other.at)
  for (let partition = 0; partition < partitions; partition++) {
    const own = sent.filter((_, index) => index % partitions === partition).map(({ text }) => text)
    await topic.add(own, { partition })
  }
}

function configOf(place: Place, { topic, group, brokers }: TestTopic, options: WorldOptions): string {
  const { source = '', worker = '', numbering = 'contiguous()' } = options
  return `
    import { contiguous, increasing } from ${sourceUrl('core/numbering.ts')}
    import { kafkaSource } from ${sourceUrl('transports/kafka.ts')}
    export default {
      consumer: '${consumer}',
      store: ${place.storeCode},
      source: kafkaSource({
        brokers: ${JSON.stringify(brokers)}, topics: ['${topic}'], groupId: '${group}',
        sessionMs: 1_000, commitEveryMs: 50, ${source}
      }),
      claim: '1s',
      sweepEvery: '50ms',
      ${worker}
      domains: { account: { numbering: ${numbering}, gap: { patience: '1h' }, ${place.domainCode} } },
    }`
}

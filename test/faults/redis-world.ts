// Workers as processes of their own over one Redis, for tests that do them harm: each reads a file of its own
// in which events are shuffled, doubled and partly missing, and leaves a line for each effect in a file that
// outlives every fault. Whoever applies an effect once per idempotency key must get them all, in order.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { createCluster } from 'redis'
import { streamPath } from '../../src/core/stream-path.ts'
import type { Store } from '../../src/ports/store.ts'
import { redisStore } from '../../src/stores/redis.ts'
import type { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { Ran, Running, TestFolder } from '../integration/run-inturn.ts'
import { sourceUrl, startInturn, testFolder } from '../integration/run-inturn.ts'

/** One call of a handler that did something. */
export interface Effect {
  readonly worker: string
  readonly stream: string
  readonly sequence: number
  readonly key: string
}

/** What a world is about. */
export interface RedisWorldOptions {
  /** Where workers find Redis, which may be a proxy. */
  readonly url: string
  readonly prefix: string
  readonly random: SeededRandom
  readonly streams: number
  readonly claim?: string
  /** What the handler does besides: statements of JavaScript that may use `event`, `context` and `worker`. */
  readonly handler?: string
  /** The source that all workers share, as an expression of JavaScript. Default a file for each. */
  readonly source?: string
  /** The nodes of a cluster, with one client for all of them, instead of `url`. */
  readonly cluster?: readonly string[]
  /** More options of the workers' store, as they stand in JavaScript between braces. */
  readonly storeOptions?: string
  /** Every event arrives, and nobody heals gaps: what the store loses stays lost. */
  readonly isWhole?: boolean
  /** How often workers look after what nothing arrives for. Default 50 ms. */
  readonly sweepEvery?: string
  /** The failure policy, as it stands in JavaScript. */
  readonly failure?: string
}

const redisPackage = pathToFileURL(createRequire(import.meta.url).resolve('redis')).href

/** Workers, their events, and what came of them. */
export class RedisWorld {
  readonly folder: TestFolder
  readonly store: Store
  readonly #options: RedisWorldOptions
  readonly #running = new Map<string, Running>()
  readonly #commands = new Set<Running>()
  readonly #cluster: ReturnType<typeof createCluster> | undefined
  #each = 0

  constructor(options: RedisWorldOptions) {
    this.#options = options
    this.folder = testFolder()
    this.folder.write('archive.ndjson', '')
    const { url, prefix, cluster } = options
    this.#cluster = cluster && createCluster({ rootNodes: cluster.map((node) => ({ url: node })) })
    this.#cluster?.on('error', () => undefined)
    const target = this.#cluster === undefined ? url : { client: this.#cluster }
    this.store = redisStore(target, { prefix, onWarning: () => undefined })
  }

  /** Connects to a cluster. */
  async open(): Promise<void> {
    await this.#cluster?.connect()
  }

  /** Events of each stream so far. */
  get each(): number {
    return this.#each
  }

  /** The number of all events so far. */
  get total(): number {
    return this.#each * this.#options.streams
  }

  /** Gives each worker `more` events of every stream; the last one of a stream is missing for nobody. */
  arrive(workers: readonly string[], more: number): void {
    const { random, streams } = this.#options
    const from = this.#each
    this.#each += more
    const all = Array.from({ length: streams * more }, (_, index) => {
      const [stream, sequence] = [`s${index % streams}`, from + Math.floor(index / streams) + 1]
      const text = `${JSON.stringify({ stream, sequence, id: `${stream}#${sequence}`, data: {} })}\n`
      return { text, place: index, isLast: sequence === this.#each }
    })
    this.#append('archive.ndjson', all)
    for (const worker of workers) {
      const came = all.filter(
        ({ isLast }) => isLast || this.#options.isWhole === true || !random.chance(0.05),
      )
      const copies = came
        .filter(() => random.chance(0.2))
        .map((sent) => ({ ...sent, place: sent.place + 50 }))
      const moved = [...came, ...copies].map((sent) => ({ ...sent, place: sent.place + random.whole(0, 40) }))
      this.#append(
        `${worker}.ndjson`,
        moved.sort((a, b) => a.place - b.place),
      )
    }
  }

  /** Says that `more` events of every stream will come another way than through {@link arrive}. */
  appended(more: number): void {
    this.#each += more
  }

  /** Gives a worker events in this order, beside those of `arrive`. */
  send(worker: string, events: readonly { readonly stream: string; readonly sequence: number }[]): void {
    const lines = events.map(({ stream, sequence }) => {
      return { text: `${JSON.stringify({ stream, sequence, id: `${stream}#${sequence}`, data: {} })}\n` }
    })
    this.#append(`${worker}.ndjson`, lines)
  }

  /** Starts a worker; it goes on where the one of the same name stopped. */
  start(worker: string): Running {
    this.folder.write(`${worker}.config.ts`, this.#config(worker))
    const running = startInturn(this.folder.path, 'run', '--config', `${worker}.config.ts`)
    this.#running.set(worker, running)
    return running
  }

  /** What a worker has said since it was started. */
  told(worker: string): string {
    return this.#running.get(worker)?.stderr() ?? ''
  }

  /** What all workers that run have said, and what is missing: for whoever reads that a test failed. */
  report(): string {
    const said = [...this.#running].map(([worker, running]) => `${worker}:\n${running.stderr()}`)
    return [...said, `${this.applied().length} of ${this.total} done`, ...this.disorder()].join('\n')
  }

  /** Ends a worker without warning. */
  async kill(worker: string): Promise<void> {
    const running = this.#running.get(worker)
    this.#running.delete(worker)
    running?.child.kill('SIGKILL')
    await running?.ended
  }

  /** Ends all workers, which must end well; says what they told. */
  async stopAll(): Promise<string> {
    // A process that is only beginning to run is ended by a signal, instead of ending itself.
    await this.untilReading()
    const all = [...this.#running.values()]
    this.#running.clear()
    for (const { child } of all) child.kill('SIGTERM')
    const ended = await Promise.all(all.map((running) => running.ended))
    for (const { code, stderr } of ended) {
      if (code !== 0) throw new Error(`a worker has ended with ${code}: ${stderr}`)
    }
    return ended.map(({ stderr }) => stderr).join('')
  }

  /** Ends everything. */
  async end(): Promise<void> {
    for (const { child } of this.#commands) child.kill('SIGKILL')
    for (const worker of this.#running.keys()) await this.kill(worker)
    await this.store.close()
    this.#cluster?.destroy()
    this.folder.remove()
  }

  /** Waits until something is so; a worker that has ended by itself is an error. */
  async until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await isSo())) {
      for (const [worker, running] of this.#running) {
        if (running.child.exitCode !== null) throw new Error(`${worker} has ended: ${running.stderr()}`)
      }
      await sleep(20)
    }
  }

  /** Waits until all workers that were started are at work. */
  async untilReading(): Promise<void> {
    await this.until(() => [...this.#running.keys()].every((worker) => this.told(worker).includes(' reads ')))
  }

  /** Waits until each worker has settled something of its file. */
  async untilSettling(): Promise<void> {
    await this.untilReading()
    await this.store.open()
    for (const worker of this.#running.keys()) {
      const source = `file ${worker}.ndjson`
      await this.until(async () => (await this.store.checkpoint('billing', source)) !== undefined)
    }
  }

  /** Waits until a stream is known to the store. */
  async untilKnown(stream: string): Promise<void> {
    const path = streamPath('account', stream)
    await this.until(async () => {
      // Before the first worker has opened it, there is no store.
      const stored = await this.store.reader.stream('billing', path).catch(() => undefined)
      return stored !== undefined
    })
  }

  /** Waits until every event had its effect and every position is known to the store. */
  async untilDone(): Promise<void> {
    await this.until(async () => {
      if (this.applied().length < this.total) return false
      const stored = await this.store.reader.streams('billing', { limit: 999 })
      const done = stored.filter(({ state }) => state.position === this.#each && state.epoch === 0)
      return done.length === this.#options.streams
    })
  }

  /** Whether a worker has left a file of this name. */
  has(file: string): boolean {
    return existsSync(join(this.folder.path, file))
  }

  /** All that handlers did, as they did it. */
  effects(): readonly Effect[] {
    const path = join(this.folder.path, 'effects')
    if (!existsSync(path)) return []
    return readFileSync(path, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Effect)
  }

  /** The effects of a system that takes each idempotency key once. */
  applied(): readonly Effect[] {
    const first = new Map<string, Effect>()
    for (const effect of this.effects()) if (!first.has(effect.key)) first.set(effect.key, effect)
    return [...first.values()]
  }

  /** What is missing or out of order where each idempotency key is taken once; nothing, if all is well. */
  disorder(): readonly string[] {
    const reached = new Map<string, number>()
    const wrong: string[] = []
    for (const { stream, sequence } of this.applied()) {
      const last = reached.get(stream) ?? 0
      if (sequence !== last + 1) wrong.push(`${stream}: ${sequence} came after ${last}`)
      reached.set(stream, sequence)
    }
    const { streams } = this.#options
    const short = [...reached].filter(([, last]) => last !== this.#each)
    wrong.push(...short.map(([stream, last]) => `${stream} ends at ${last}`))
    return reached.size === streams ? wrong : [...wrong, `${reached.size} of ${streams} streams`]
  }

  /** What a command says about the store. */
  command(...args: readonly string[]): Promise<Ran> {
    const { url, prefix, cluster } = this.#options
    const where =
      cluster === undefined ? ['--store', `${url}?prefix=${prefix}`] : ['--config', this.#reading()]
    const running = startInturn(this.folder.path, ...args, ...where)
    this.#commands.add(running)
    return running.ended.finally(() => this.#commands.delete(running))
  }

  /** The exit code of `inturn verify`, and what it said. */
  async verify(): Promise<string> {
    const { code, stdout, stderr } = await this.command('verify')
    return `${code}: ${stdout}${stderr}`
  }

  #append(file: string, sent: readonly { readonly text: string }[]): void {
    appendFileSync(join(this.folder.path, file), sent.map(({ text }) => text).join(''))
  }

  /** A configuration for commands. */
  #reading(): string {
    this.folder.write('reading.config.ts', this.#config('reading'))
    return 'reading.config.ts'
  }

  #config(worker: string): string {
    const { prefix, claim = '1s', handler = '', cluster, isWhole = false } = this.#options
    const heal = "heal: { with: fileHealer('archive.ndjson'), after: '200ms', attempts: 500 }"
    const nodes = JSON.stringify((cluster ?? []).map((node) => ({ url: node })))
    const connect = `
      import { createCluster } from '${redisPackage}'
      const client = createCluster({ rootNodes: ${nodes} })
      client.on('error', () => {})
      await client.connect()`
    const target = cluster === undefined ? `'${this.#options.url}'` : '{ client }'
    const file = `fileSource('${worker}.ndjson', { checkpointMs: 50, pollMs: 20, follow: true })`
    return `
      import { appendFileSync, existsSync } from 'node:fs'
      import { setTimeout as sleep } from 'node:timers/promises'
      import { contiguous } from ${sourceUrl('core/numbering.ts')}
      import { redisStore } from ${sourceUrl('stores/redis.ts')}
      import { fileHealer, fileSource } from ${sourceUrl('transports/file.ts')}
      import { redisStreamsSource } from ${sourceUrl('transports/redis-streams.ts')}
      ${cluster === undefined ? '' : connect}
      const worker = '${worker}'
      export default {
        consumer: 'billing',
        worker: worker + '-' + process.pid,
        store: redisStore(${target}, { prefix: '${prefix}', ${this.#options.storeOptions ?? ''} }),
        source: ${this.#options.source ?? file},
        batch: 40,
        claim: '${claim}',
        sweepEvery: '${this.#options.sweepEvery ?? '50ms'}',
        domains: {
          account: {
            numbering: contiguous(),
            effects: 'external',
            gap: { patience: '1h', ${isWhole ? '' : heal} },
            failure: ${this.#options.failure ?? '{}'},
            handle: async (event, context) => {
              const { stream, sequence } = event
              const effect = { worker, stream, sequence, key: context.idempotencyKey }
              appendFileSync('effects', JSON.stringify(effect) + '\\n')
              ${handler}
              await sleep(1)
            },
          },
        },
      }`
  }
}

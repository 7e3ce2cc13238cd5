// The demo's course: a producer with its log, a bad network and a broker here, the worker in a process of its
// own that is killed on the way; and the proof at the end.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Verification } from '../../operate/verify.ts'
import { verifyConsumer } from '../../operate/verify.ts'
import { sqliteStore } from '../../stores/sqlite.ts'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { demoConsumer } from './broker-messages.ts'
import { Broker } from './broker.ts'
import { EventLog } from './event-log.ts'
import type { NetworkFaults } from './faulty-network.ts'
import { sendThrough } from './faulty-network.ts'
import { GapWatch } from './gap-watch.ts'
import type { Proof } from './proof.ts'
import { Journal } from './proof.ts'
import { WorkerChild } from './worker-child.ts'

/** How large a demo is, and where it keeps its database. */
export interface DemoOptions {
  readonly events: number
  readonly streams: number
  readonly seed: number
  readonly folder: string
  /** How long the arrivals are spread over. */
  readonly spreadMs: number
}

/** How far a demo is. */
export interface DemoProgress {
  readonly events: number
  readonly streams: number
  /** Deliveries that the network has given to the broker, of how many. */
  readonly arrived: number
  readonly arrivals: number
  readonly faults: Readonly<NetworkFaults>
  /** Rows in the journal. */
  readonly rows: number
  readonly held: number
  readonly gaps: number
  readonly healed: number
  readonly kills: number
  readonly redelivered: number
  readonly worker: 'running' | 'killed' | 'stopped' | 'failed'
  readonly processId: number | undefined
}

/** What a demo came to. */
export interface DemoResult {
  readonly isProven: boolean
  readonly seconds: number
  readonly database: string
  readonly progress: DemoProgress
  readonly verdicts: Readonly<Record<string, number>>
  readonly proof: Proof
  readonly verification: Verification
}

const lookMs = 100
const watchEveryMs = 250
/** Without a new row for so long, the demo has failed. */
const silenceMs = 20_000

/** Runs the demo; tells how far it is about ten times a second. */
export async function runDemo(
  options: DemoOptions,
  onProgress: (progress: DemoProgress) => void,
  signal: AbortSignal,
): Promise<DemoResult> {
  const course = new DemoCourse(options)
  try {
    return await course.run(onProgress, signal)
  } finally {
    await course.close()
  }
}

class DemoCourse {
  readonly #options: DemoOptions
  readonly #database: string
  readonly #startedMs = performance.now()
  readonly #log: EventLog
  readonly #network: ReturnType<typeof sendThrough>
  readonly #broker = new Broker()
  readonly #journal: Journal
  readonly #store: ReturnType<typeof sqliteStore>
  readonly #watch: GapWatch
  readonly #child: WorkerChild
  #arrived = 0
  #rows = 0
  #worker: DemoProgress['worker'] = 'running'

  constructor(options: DemoOptions) {
    const random = new SeededRandom(options.seed)
    this.#options = options
    this.#database = join(options.folder, 'demo.db')
    this.#log = new EventLog(options, random.fork())
    this.#network = sendThrough(this.#log.bookings, random.fork())
    this.#journal = new Journal(this.#database)
    this.#store = sqliteStore(this.#database)
    const view = { reader: this.#store.reader, consumer: demoConsumer }
    this.#watch = new GapWatch({ view, log: this.#log, broker: this.#broker })
    this.#child = new WorkerChild(this.#database, { broker: this.#broker, log: this.#log })
  }

  async run(onProgress: (progress: DemoProgress) => void, signal: AbortSignal): Promise<DemoResult> {
    await this.#store.open()
    this.#child.start()
    let [lastRows, lastRowMs, lastLookMs] = [0, performance.now(), 0]
    while (this.#rows < this.#options.events && !signal.aborted && !this.#child.hasFailed) {
      await sleep(lookMs)
      this.#arrive()
      this.#rows = this.#journal.count()
      if (this.#rows > lastRows) [lastRows, lastRowMs] = [this.#rows, performance.now()]
      if (performance.now() - lastRowMs > silenceMs) break
      if (this.#rows > this.#options.events * 0.45 && this.#child.kills === 0)
        await this.#killWorker(onProgress)
      if (performance.now() - lastLookMs > watchEveryMs) {
        lastLookMs = performance.now()
        await this.#look()
      }
      onProgress(this.#progress())
    }
    this.#worker = this.#child.hasFailed ? 'failed' : 'stopped'
    await this.#child.stop()
    await this.#watch.look()
    onProgress(this.#progress())
    return this.#result()
  }

  async close(): Promise<void> {
    await this.#child.end()
    await this.#store.close()
    this.#journal.close()
  }

  /** What the network brings by now. */
  #arrive(): void {
    const { bookings } = this.#network
    const share = Math.min(1, (performance.now() - this.#startedMs) / this.#options.spreadMs)
    const due = Math.floor(bookings.length * share)
    this.#broker.push(bookings.slice(this.#arrived, due))
    this.#arrived = due
  }

  async #look(): Promise<void> {
    await this.#watch.look()
    if (this.#arrived === this.#network.bookings.length && this.#broker.unsettled === 0)
      await this.#watch.resendEnds()
  }

  async #killWorker(onProgress: (progress: DemoProgress) => void): Promise<void> {
    // In the middle of its work is where a kill can do harm.
    for (let tries = 0; this.#broker.underWay === 0 && tries < 200; tries++) await sleep(2)
    await this.#child.kill()
    this.#worker = 'killed'
    onProgress(this.#progress())
    this.#child.start()
    this.#worker = 'running'
  }

  #progress(): DemoProgress {
    const { events, streams } = this.#options
    return {
      events,
      streams,
      arrived: this.#arrived,
      arrivals: this.#network.bookings.length,
      faults: this.#network.faults,
      rows: this.#rows,
      held: this.#watch.held,
      gaps: this.#watch.gaps,
      healed: this.#child.healed + this.#watch.resent,
      kills: this.#child.kills,
      redelivered: this.#broker.redelivered,
      worker: this.#worker,
      processId: this.#child.processId,
    }
  }

  async #result(): Promise<DemoResult> {
    const proof = this.#journal.prove(this.#log)
    const verification = await verifyConsumer(
      { reader: this.#store.reader, consumer: demoConsumer },
      new Map(),
    )
    return {
      isProven: proof.holds && verification.isBalanced && verification.unsettled.length === 0,
      seconds: Math.round((performance.now() - this.#startedMs) / 100) / 10,
      database: this.#database,
      progress: this.#progress(),
      verdicts: Object.fromEntries(this.#child.verdicts),
      proof,
      verification,
    }
  }
}

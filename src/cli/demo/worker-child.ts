// The demo's worker process, seen from its parent: started, killed without warning, started again.
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FromWorker, ToWorker } from './broker-messages.ts'
import { isFromWorker } from './broker-messages.ts'
import type { Broker } from './broker.ts'
import type { EventLog } from './event-log.ts'
import type { WorkerArguments } from './worker-process.ts'

const extension = extname(fileURLToPath(import.meta.url))
const workerFile = fileURLToPath(new URL(`./worker-process${extension}`, import.meta.url))

/** A worker process at a time, over one database. */
export class WorkerChild {
  readonly #database: string
  readonly #broker: Broker
  readonly #log: EventLog
  #child: ChildProcess | undefined
  #ended: Promise<number | null> = Promise.resolve(0)
  /** What the engine said about events so far, by verdict. A killed worker's last words are missing. */
  readonly verdicts: Map<string, number> = new Map()
  kills = 0
  /** Bookings that its healer was given. */
  healed = 0

  constructor(database: string, { broker, log }: { readonly broker: Broker; readonly log: EventLog }) {
    this.#database = database
    this.#broker = broker
    this.#log = log
  }

  get processId(): number | undefined {
    return this.#child?.pid
  }

  /** Whether the process ended though nobody told it to. */
  get hasFailed(): boolean {
    return this.#child !== undefined && this.#child.exitCode !== null && this.#child.exitCode !== 0
  }

  start(): void {
    const args: WorkerArguments = [this.#database]
    const child = fork(workerFile, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    this.#child = child
    this.#ended = new Promise((resolve) => {
      child.once('error', () => resolve(1))
      child.once('exit', resolve)
    })
    child.on('message', (message: unknown) => {
      if (isFromWorker(message)) this.#answer(child, message)
    })
  }

  /** Kills the process as a power failure would, and gives the broker back what it had in hand. */
  async kill(): Promise<void> {
    this.kills++
    await this.#end('SIGKILL')
  }

  /** Lets the worker finish what it has in hand. */
  async stop(): Promise<void> {
    if (this.#child !== undefined) say(this.#child, { kind: 'stop' })
    await this.#ended
    this.#child = undefined
  }

  /** Ends the process whatever it does. */
  async end(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#child?.kill(signal)
    await this.#ended
    this.#child = undefined
    this.#broker.takeBack()
  }

  #answer(child: ChildProcess, message: FromWorker): void {
    if (child !== this.#child) return
    if (message.kind === 'settle') this.#broker.settle(message.tickets)
    else if (message.kind === 'verdicts') this.#count(message.verdicts)
    else if (message.kind === 'heal') this.#heal(child, message)
    else this.#deliver(child, message).catch(() => child.kill())
  }

  #heal(child: ChildProcess, { question, asked }: Extract<FromWorker, { kind: 'heal' }>): void {
    const bookings = this.#log.read(asked.stream, asked.from, asked.to)
    this.healed += bookings.length
    say(child, { kind: 'healed', question, bookings })
  }

  async #deliver(child: ChildProcess, { max, waitMs }: Extract<FromWorker, { kind: 'read' }>): Promise<void> {
    const deliveries = await this.#broker.take(max, waitMs)
    if (child === this.#child && child.connected) say(child, { kind: 'deliveries', deliveries })
    else this.#broker.giveBack(deliveries)
  }

  #count(verdicts: Readonly<Record<string, number>>): void {
    for (const [verdict, count] of Object.entries(verdicts)) {
      this.verdicts.set(verdict, (this.verdicts.get(verdict) ?? 0) + count)
    }
  }
}

function say(child: ChildProcess, message: ToWorker): void {
  // A child that has just died cannot be told anything; its end is noticed by itself.
  if (child.connected) child.send(message, () => undefined)
}

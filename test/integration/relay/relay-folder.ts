// A folder with an event log, the file that relays send it to, and the processes that do.
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isRecord } from '../../../src/core/parse-message.ts'
import type { EventLog } from '../../../src/ports/event-log.ts'
import { sqliteEventLog } from '../../../src/stores/sqlite.ts'
import { logAt } from '../log-target.ts'

const child = fileURLToPath(new URL('./relay-child.ts', import.meta.url))

/** Which event a line is. */
export interface Arrival {
  readonly stream: string
  readonly sequence: number
}

/** The folder of one test. */
export class RelayFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'inturn-relay-'))
  readonly log: EventLog
  readonly #url: string | undefined
  readonly #children = new Set<ChildProcess>()

  /** With a URL the log and the places of the relays are in Redis, and else in SQLite. */
  constructor(url?: string) {
    this.#url = url
    const inFile = { synchronous: 'normal' } as const
    this.log = url === undefined ? sqliteEventLog(join(this.path, 'log.db'), inFile) : logAt(url)
  }

  get file(): string {
    return join(this.path, 'events.ndjson')
  }

  /** The SQLite file with the places of the relays. */
  get places(): string {
    return join(this.path, 'relay.db')
  }

  /** Appends an event to each of the streams `0` to below `streams`, so often. */
  async append(streams: number, times: number): Promise<void> {
    for (let time = 0; time < times; time++) {
      const appends = Array.from({ length: streams }, (_, stream) => ({
        domain: 'account',
        stream: String(stream),
        events: [{ id: crypto.randomUUID(), type: 'account.booked', data: 'ž'.repeat(stream * 7) }],
      }))
      await this.log.appendAll(appends)
    }
  }

  /** Starts a relay. */
  start(batch: number, leaseMs: number): ChildProcess {
    const url = this.#url === undefined ? [] : [this.#url]
    const args = ['--no-warnings', child, this.path, String(batch), String(leaseMs), ...url]
    const relay = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#children.add(relay)
    return relay
  }

  /** Waits until the file has grown by so many bytes since `from`. */
  async untilGrown(from: number, bytes: number): Promise<void> {
    while (this.size() < from + bytes) await sleep(2)
  }

  size(): number {
    return existsSync(this.file) ? statSync(this.file).size : 0
  }

  /** The lines of the file, read; every one is whole, or this throws. */
  lines(): readonly Arrival[] {
    const lines = readFileSync(this.file, 'utf8').split('\n')
    if (lines.pop() !== '') throw new Error('the file does not end in a newline')
    return lines.map(arrivalOf)
  }

  /** Waits until the last event of each stream has arrived. */
  async untilArrived(streams: number, last: number): Promise<void> {
    const missing = (): boolean => {
      const text = this.size() === 0 ? '' : readFileSync(this.file, 'utf8')
      const lines = text.split('\n').slice(0, -1).map(arrivalOf)
      const arrived = new Set(lines.map(({ stream, sequence }) => `${stream} ${sequence}`))
      return Array.from({ length: streams }, (_, stream) => `${stream} ${last}`).some(
        (one) => !arrived.has(one),
      )
    }
    while (missing()) await sleep(20)
  }

  async remove(): Promise<void> {
    for (const relay of this.#children) await end(relay, 'SIGKILL')
    await this.log.close()
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** Ends a process, and waits for that. */
export async function end(relay: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (relay.exitCode !== null || relay.signalCode !== null) return
  const ended = once(relay, 'exit')
  relay.kill(signal)
  await ended
}

/** The first copies of each stream, in the order in which they arrived. */
export function firstCopies(lines: readonly Arrival[]): ReadonlyMap<string, readonly number[]> {
  const first = new Map<string, Set<number>>()
  for (const { stream, sequence } of lines) {
    const own = first.get(stream) ?? new Set()
    first.set(stream, own.add(sequence))
  }
  return new Map([...first].map(([stream, numbers]) => [stream, [...numbers]]))
}

function arrivalOf(line: string): Arrival {
  const value: unknown = JSON.parse(line)
  if (!isRecord(value)) throw new Error(`this is no event: ${line}`)
  return { stream: String(value['partitionkey']), sequence: Number(value['sequence']) }
}

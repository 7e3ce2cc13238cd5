// Watches that the statements of one client get their answers. A connection may be there and silent: its
// server stands still, or the network drops what is sent. Slow is told from silent by a look from another
// connection at what the server's process does. Upholds I10.
//
// States: answered -> waiting -(too long)-> looked at -> waiting on, or given up and severed.
import type { Timers } from '../../ports/timers.ts'
import { systemTimers } from '../../ports/timers.ts'

/**
 * How long a statement is waited for while the server is at work on it. `own`: six times as long as without
 * that. `commit`: so too, but without end for a synchronous standby, since all that came after it would wait
 * for the same. `long`: without end; what a handler sends has the handler's limit.
 */
export type Patience = 'own' | 'commit' | 'long'

/** What the process of a client does, as another connection sees it. */
export interface BackendState {
  /** It carries out a statement. */
  readonly isActive: boolean
  /** `IPC: SyncRep`, `Lock: tuple`, ...; empty where it waits for nothing. */
  readonly waitsFor: string
}

/** What a watch is made of. */
export interface WatchParts {
  /** How long an answer may take before the server is asked what it does, in milliseconds. */
  readonly replyMs: number
  /** Asks what the client's process does; `undefined` where that cannot be told. */
  readonly look: () => Promise<BackendState | undefined>
  /**
   * Ends the connection: what has no answer fails with the error. What the server is at work on is cancelled
   * first.
   */
  readonly sever: (error: Error, isAtWork: boolean) => unknown
  /** Tells that a statement is waited for. */
  readonly warn: (message: string) => void
  /** Default: the machine's timers. */
  readonly timers?: Timers
}

/** A statement is looked at in so many steps: a process that stood still itself has lost only one of them. */
const stepsOfReply = 4
/** What is at work may take so many times as long as what is silent. */
const timesMax = 6

/** The statements of one client that have no answer yet; answers come in the order of asking. */
export class ReplyWatch {
  readonly #parts: WatchParts
  readonly #open: Patience[] = []
  #answered = 0
  #seen = 0
  /** For how many steps the oldest has been the oldest. */
  #steps = 0
  #isLooking = false
  #isGivenUp = false
  #isAtWork = false
  /** How many looks in a row could not be had. */
  #blind = 0
  #isEnded = false
  #cancel: (() => void) | undefined

  constructor(parts: WatchParts) {
    this.#parts = parts
  }

  /** A statement was asked for. */
  asked(patience: Patience): void {
    this.#open.push(patience)
    if (this.#cancel === undefined) this.#goOn()
  }

  /** The oldest statement has its answer. */
  answered(): void {
    this.#open.shift()
    this.#answered++
  }

  /** Nothing more is asked for; what is open is watched until it ends. */
  end(): void {
    this.#isEnded = true
    if (this.#open.length === 0) this.#cancel?.()
  }

  #goOn(): void {
    const { timers = systemTimers, replyMs } = this.#parts
    const step = (): void => this.#step()
    this.#cancel = timers.after(replyMs / stepsOfReply, step, { isBackground: true })
  }

  #step(): void {
    const [oldest] = this.#open
    if (oldest === undefined && this.#isEnded) return
    this.#goOn()
    if (oldest === undefined || this.#answered !== this.#seen) {
      this.#seen = this.#answered
      this.#steps = 0
      this.#isGivenUp = false
      this.#blind = 0
      return
    }
    this.#steps++
    if (this.#isGivenUp) this.#sever(oldest)
    else if (this.#steps % stepsOfReply === 0 && !this.#isLooking) {
      this.#lookAt(oldest).catch(() => undefined)
    }
  }

  #sever(oldest: Patience): void {
    this.#cancel?.()
    const waitedMs = (this.#steps / stepsOfReply) * this.#parts.replyMs
    // A commit that is cancelled while it waits for its standby is there all the same.
    const isAtWork = this.#isAtWork && oldest !== 'commit'
    this.#parts.sever(new Error(`no answer within ${seconds(waitedMs)}`), isAtWork)
  }

  /** An answer may be on its way with what the look has found: the end comes with the next step. */
  async #lookAt(oldest: Patience): Promise<void> {
    const { look, warn, replyMs } = this.#parts
    const [times, seen] = [this.#steps / stepsOfReply, this.#answered]
    this.#isLooking = true
    const found = await look().catch(() => undefined)
    this.#isLooking = false
    if (seen !== this.#answered) return
    this.#isAtWork = found?.isActive === true
    this.#blind = found === undefined ? this.#blind + 1 : 0
    this.#isGivenUp =
      found === undefined ? isBlindEnd(oldest, this.#blind) : !isWaitedFor(oldest, found, times)
    if (this.#isGivenUp || oldest === 'long' || times % timesMax !== 1) return
    const what = oldest === 'commit' ? 'a commit' : 'a statement'
    const why = found?.waitsFor === '' ? 'the server is at work on it' : `it waits for ${found?.waitsFor}`
    warn(`${what} has had no answer for ${seconds(times * replyMs)}: ${why}`)
  }
}

/** A handler may have all connections of a small pool, and has a limit of its own. */
function isBlindEnd(oldest: Patience, blind: number): boolean {
  return oldest !== 'long' || blind >= timesMax
}

function isWaitedFor(oldest: Patience, found: BackendState, times: number): boolean {
  if (!found.isActive || oldest === 'long') return found.isActive
  return times < timesMax || (oldest === 'commit' && found.waitsFor === syncRep)
}

const syncRep = 'IPC: SyncRep'

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`
}

// Heals the gaps of one stream: asks for what is missing, range by range, and gives what comes to the engine
// like anything that arrives. Runs outside any claim; a lease sees to it that nobody else asks for this
// stream meanwhile. Upholds I6, I7 and I8.
//
// A job: begun (its attempts are durable) -> waiting for its turn -> asking <-> processing -> ended (noted).
// Whatever ends it early leaves attempts that count, and the next comes when they are over at the latest.
import { InturnError } from '../../core/errors.ts'
import type { HealAttempt } from '../../core/heal.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { StreamState } from '../../core/stream-state.ts'
import { asError } from '../../core/thrown.ts'
import { keepRenewed } from '../../ports/renewal.ts'
import type { TrackedDomain } from '../domain.ts'
import type { EngineParts } from '../engine-parts.ts'
import type { IncomingMessage } from '../incoming-message.ts'
import type { ProcessResult } from '../process-result.ts'
import type { HealAnswer } from './ask-healer.ts'
import { askHealer } from './ask-healer.ts'
import type { AskedAttempt, HealNote, NoteParts } from './heal-note.ts'
import { endNote, renewNote, runMs } from './heal-note.ts'
import type { HealCursor, HealRange, HealYield } from './heal-range.ts'
import { isMissing, nextRange, yieldOf } from './heal-range.ts'
import type { ResolvedHealing } from './resolve-healing.ts'

/** What a job does through its engine. */
export interface JobHooks {
  process(messages: readonly IncomingMessage[]): Promise<readonly ProcessResult[]>
  /** Has a turn of the stream note something; whether it is durable. */
  note(path: StreamPath, note: HealNote): Promise<boolean>
  /** A name for a holder of a lease. */
  nextWorker(): string
}

/** Which stream a job heals, and how. */
export interface HealSubject extends Omit<ResolvedHealing, 'rules'> {
  readonly domain: TrackedDomain
  readonly stream: string
  readonly path: StreamPath
}

/** After so many answers that took too long, a job asks for nothing more. */
const lateMax = 2
const busyTries = 5
const busyWaitMs = 100

/** Heals one stream. */
export class HealJob {
  readonly subject: HealSubject
  readonly #parts: EngineParts
  readonly #hooks: JobHooks
  readonly #stop = new AbortController()
  /** Attempts that are begun, and nobody was asked yet. */
  #open: HealAttempt[]
  #asked: AskedAttempt[] = []
  #request: { readonly range: HealRange; readonly controller: AbortController } | undefined
  #late = 0
  #isOver = false
  #cancelRenewal: () => void = () => undefined

  constructor(
    subject: HealSubject,
    made: { readonly parts: EngineParts; readonly hooks: JobHooks; readonly begun: readonly HealAttempt[] },
  ) {
    this.subject = subject
    this.#parts = made.parts
    this.#hooks = made.hooks
    this.#open = [...made.begun]
    this.#renewLater()
  }

  /** Whether an answer is waited for. */
  get isAsking(): boolean {
    return this.#request !== undefined
  }

  /** Takes attempts in that were begun while it runs; `false` when it has ended. */
  add(begun: readonly HealAttempt[]): boolean {
    if (this.#isOver) return false
    this.#open.push(...begun)
    return true
  }

  /** Looks whether what is asked for is missing still; if not, the answer is not waited for any more. */
  look(state: StreamState | undefined): void {
    if (this.#request === undefined) return
    const { range, controller } = this.#request
    if (state !== undefined && isMissing(this.subject.domain.rules, state, range)) return
    controller.abort(new Error('what was asked for has come'))
  }

  /** Ends it as soon as it can. */
  abort(): void {
    const reason = new Error('the worker ends')
    this.#stop.abort(reason)
    this.#request?.controller.abort(reason)
  }

  /** Heals, and resolves once the outcome is noted. Rejects only if inturn itself is wrong. */
  async run(): Promise<void> {
    try {
      while (this.#open.length > 0) {
        await this.#askUnderLease()
        await this.#noteEnd()
      }
    } catch (error) {
      // A store that fails now is told by whoever works with it. What was begun counts, and comes again.
      if (!(error instanceof InturnError) || error.code === 'invariant-violated') throw error
    } finally {
      this.#isOver = true
      this.#cancelRenewal()
    }
  }

  async #askUnderLease(): Promise<void> {
    const { store, timers, consumer, claimMs } = this.#parts
    if (this.#stop.signal.aborted) return
    const name = `heal/${encodeURIComponent(consumer)}/${this.subject.path}`
    const ms = Math.min(claimMs, runMs(this.subject.healing))
    const holder = this.#hooks.nextWorker()
    const take = async (): Promise<boolean> => (await store.lease(name, { holder, ms })) !== undefined
    if (!(await take())) return
    const lost = (): void => this.abort()
    const end = keepRenewed({ timers, claimMs: ms, renew: take, lost })
    try {
      while (this.#late < lateMax && !this.#stop.signal.aborted) {
        const next = this.#open.shift()
        if (next === undefined) break
        const attempt = { ...next }
        this.#asked.push(attempt)
        await this.#heal(attempt)
      }
    } finally {
      end()
      // A lease that cannot be given back ends by itself.
      await store.lease(name, { holder, ms: 0 }).catch(() => undefined)
    }
  }

  async #heal(attempt: AskedAttempt): Promise<void> {
    const { epoch, from, to } = attempt
    const place = { stream: this.subject.path, epoch, from, to, attempt: attempt.attempt }
    const chunk = this.subject.healing.chunk
    let cursor: HealCursor = { from, width: chunk }
    let [came, isTold] = [0, false]
    let error: Error | undefined
    const { timers } = this.#parts
    const beganMs = timers.elapsedMs()
    try {
      while (!this.#stop.signal.aborted) {
        const range = await this.#nextRange(attempt, cursor)
        if (range === undefined) break
        if (!isTold) this.#parts.telemetry({ kind: 'healing', ...place })
        isTold = true
        const answer = await this.#ask(range, (what) => {
          attempt.searched = what
        })
        error = answer.problem ?? error
        if (answer.isLate === true) break
        const got = await this.#take(range, answer)
        came += got.came
        if (got.isFull) break
        cursor = { from: got.next, width: got.came > 0 ? chunk : cursor.width * 2 }
      }
    } catch (failure) {
      error = asError(failure)
      throw failure
    } finally {
      const { searched } = attempt
      const problem = { ...(searched !== undefined && { searched }), ...(error !== undefined && { error }) }
      const tookMs = timers.elapsedMs() - beganMs
      if (isTold) this.#parts.telemetry({ kind: 'healed', ...place, came, tookMs, ...problem })
    }
  }

  async #nextRange(attempt: HealAttempt, cursor: HealCursor): Promise<HealRange | undefined> {
    const { store, consumer } = this.#parts
    const { path, domain } = this.subject
    const stored = await store.reader.stream(consumer, path)
    return stored && nextRange({ rules: domain.rules, state: stored.state }, attempt, cursor)
  }

  async #ask(range: HealRange, onSearched: (what: string) => void): Promise<HealAnswer> {
    const { domain, stream, healer, healing } = this.subject
    const controller = new AbortController()
    if (this.#stop.signal.aborted) controller.abort(this.#stop.signal.reason)
    this.#request = { range, controller }
    try {
      const { wireEpoch = range.epoch, ...asked } = range
      const { timers, mappingOf } = this.#parts
      const place = { domain: domain.name, stream, ...asked, epoch: wireEpoch }
      const request = { ...place, limit: healing.chunk, eventFrom: mappingOf(domain), onSearched }
      const answer = await askHealer(healer, request, { timers, timeoutMs: healing.timeoutMs, controller })
      if (answer.isLate === true) this.#late++
      return answer
    } finally {
      this.#request = undefined
    }
  }

  /** Has the engine decide what came. */
  async #take(range: HealRange, { messages }: HealAnswer): Promise<HealYield> {
    const { path, domain, healer, healing } = this.subject
    const about = {
      domainElse: domain.name,
      origin: healer.name,
      asked: { stream: path, ...range, isHealing: true },
    }
    const incoming = messages.map((message) => ({ message, ...about }))
    const { batchMax } = this.#parts
    const results: ProcessResult[] = []
    for (let at = 0; at < incoming.length; at += batchMax) {
      if (this.#stop.signal.aborted) break
      results.push(...(await this.#process(incoming.slice(at, at + batchMax))))
    }
    return yieldOf({ path, range, limit: healing.chunk }, results)
  }

  /**
   * Processes messages. With a store that is not durable, what is busy is refused: it is tried again for a
   * while, and left to the next attempt then.
   */
  async #process(messages: readonly IncomingMessage[]): Promise<readonly ProcessResult[]> {
    const results = [...(await this.#hooks.process(messages))]
    for (let tries = 0; tries < busyTries && !this.#stop.signal.aborted; tries++) {
      const busy = results.flatMap(({ reason }, at) => (reason === 'busy' ? [at] : []))
      if (busy.length === 0) break
      await this.#parts.timers.sleep(busyWaitMs * 2 ** tries, this.#stop.signal)
      const again = await this.#hooks.process(messages.filter((_, at) => busy.includes(at)))
      again.forEach((result, index) => {
        const at = busy[index]
        if (at !== undefined) results[at] = result
      })
    }
    return results
  }

  /** Notes that the attempts have ended; those for which nobody was asked do not count. */
  async #noteEnd(): Promise<void> {
    const [asked, unasked] = [this.#asked, this.#open]
    this.#asked = []
    this.#open = []
    this.#late = 0
    if (this.#parts.stop.aborted) return
    const note = endNote(this.#noteParts(), { asked, unasked })
    for (let tries = 0; tries < busyTries; tries++) {
      if (await this.#hooks.note(this.subject.path, note)) return
      await this.#parts.timers.sleep(busyWaitMs * 2 ** tries, this.#stop.signal)
    }
  }

  /** Says from time to time that the attempts are under way, also while the job waits for its turn. */
  #renewLater(): void {
    const renew = async (): Promise<void> => {
      const attempts = [...this.#asked, ...this.#open]
      try {
        if (attempts.length > 0 && !this.#parts.stop.aborted) {
          await this.#hooks.note(this.subject.path, renewNote(this.#noteParts(), attempts))
        }
      } catch {
        // What could not be renewed now is renewed the next time, or ends; the job finds out by itself.
      }
      if (!this.#isOver) this.#renewLater()
    }
    this.#cancelRenewal = this.#parts.timers.after(runMs(this.subject.healing) / 3, () => void renew())
  }

  #noteParts(): NoteParts {
    const { domain, healing } = this.subject
    return { rules: domain.rules, healing, random: this.#parts.random.next() }
  }
}

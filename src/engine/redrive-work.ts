// Tries dead letters again that operators sent to their handlers: under the claim of their stream, outside
// its order. Upholds I2 and I7. In the inbox -> begun -> done (the dead letter is forgotten, in one commit
// with the effect where there is a transaction) or failed (it stays, with the new error). That it has begun
// is durable before the handler starts, and who asked is forgotten with it: a handler that kills its worker
// is called once each time that somebody asks, and of two who ask the second finds no dead letter any more.
// Commands that fail in the commit fail the attempt: nothing runs them again by itself.
import { InturnError } from '../core/errors.ts'
import type { InturnEvent } from '../core/event.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import { asError } from '../core/thrown.ts'
import type { EffectStep } from '../ports/commit-commands.ts'
import { partialText } from '../ports/commit-commands.ts'
import type { DeadLetter, StoredEntry } from '../ports/records.ts'
import type { Commit, CommitOutcome, StreamRecords, UnitOfWork } from '../ports/store.ts'
import { isEvent } from '../ports/store.ts'
import type { CallScene, HandlerCaller, RecordedTaker } from './delivery.ts'
import type { Domain } from './domain.ts'
import type { EngineParts } from './engine-parts.ts'
import type { HandlerFailure } from './handling.ts'
import { checkAndCall, isHandlers, rolledBackIn, sceneOf, Undone } from './handling.ts'
import type { BegunRedrive } from './redrive-records.ts'
import { beginRecords, doneRecords, failedRecords } from './redrive-records.ts'

/** A stream whose dead letters are tried again. */
interface Target {
  readonly domain: Domain
  readonly path: StreamPath
}

/** What a call of a handler came to. */
interface Called {
  /** What it failed with. */
  readonly failed?: HandlerFailure
  /** What its commit is to carry out. */
  readonly effects?: readonly EffectStep[]
}

/** No attempt is begun once a sweep has tried for so long: events of other streams wait behind it. */
const sweepMs = 1_000
/** Attempts of a stream before the others have theirs. */
const attemptsMax = 50

/** Tries dead letters again. */
export class RedriveWork {
  readonly #parts: EngineParts
  readonly #caller: HandlerCaller
  readonly #nextWorker: () => string

  constructor(parts: EngineParts, caller: HandlerCaller, nextWorker: () => string) {
    this.#parts = parts
    this.#caller = caller
    this.#nextWorker = nextWorker
  }

  /** Tries what waits for the streams; returns the streams for which something was tried, or found gone. */
  async run(paths: Iterable<StreamPath>): Promise<ReadonlySet<StreamPath>> {
    const { timers, concurrency } = this.#parts
    const untilMs = timers.elapsedMs() + sweepMs
    const moved = new Set<StreamPath>()
    for (const [effects, targets] of Map.groupBy(this.#targets(paths), ({ domain }) => domain.effects)) {
      const waiting = new Set(targets)
      const runSome = async (): Promise<void> => {
        for (const target of waiting) {
          if (timers.elapsedMs() >= untilMs) return
          waiting.delete(target)
          const tried =
            effects === 'transaction'
              ? this.#inTransactions(target, untilMs)
              : this.#underClaim(target, untilMs)
          const attempts = await tried
          if (attempts > 0) moved.add(target.path)
          if (attempts === attemptsMax) waiting.add(target)
        }
      }
      const lanes = effects === 'transaction' ? 1 : Math.min(concurrency, targets.length)
      const ends = await Promise.allSettled(Array.from({ length: lanes }, runSome))
      for (const end of ends) if (end.status === 'rejected') throw end.reason
    }
    return moved
  }

  /**
   * Works on a stream whose handlers act elsewhere: one claim, a commit before and after each call. Gives how
   * many were tried, or found gone.
   */
  async #underClaim(target: Target, untilMs: number): Promise<number> {
    return this.#work(target, 'claim', async (unit) => {
      let tried = 0
      while (tried < attemptsMax && this.#goesOn(untilMs)) {
        const begun = await this.#begin(unit, target)
        if (begun === undefined) break
        tried++
        if (begun === 'gone') continue
        const called = await this.#call(unit, target, begun)
        const end = await this.#end(unit, target, { begun, ...called })
        if (end === 'claim-lost') break
        this.#tell(begun, end)
      }
      return tried
    })
  }

  /**
   * Works on a stream whose handlers write in the commit: one transaction to begin, one for the attempt.
   * Gives how many were tried, or found gone.
   */
  async #inTransactions(target: Target, untilMs: number): Promise<number> {
    let tried = 0
    while (tried < attemptsMax && this.#goesOn(untilMs)) {
      const begun = await this.#work(target, 'transaction', (unit) => this.#begin(unit, target))
      if (begun === undefined) break
      tried++
      if (begun !== 'gone') await this.#tryInTransaction(target, begun)
    }
    return tried
  }

  async #tryInTransaction(target: Target, begun: BegunRedrive): Promise<void> {
    const { store, consumer } = this.#parts
    const { stream, event: arrival, redrive } = begun
    try {
      const end = await this.#work(target, 'transaction', async (unit) => {
        // Between two transactions somebody else may have ended it, or have the stream.
        if (!unit.streams.has(target.path)) return 'busy'
        if ((await this.#find(redrive.key)) === undefined) return 'gone'
        const { failed = rolledBackIn(unit) } = await this.#call(unit, target, begun)
        if (failed !== undefined) throw new Undone(begun.letter.key, failed.error)
        await this.#end(unit, target, { begun })
        return 'done'
      })
      if (end === 'busy') await store.handOver(consumer, [{ stream, arrival, redrive }])
      if (end === 'done') this.#tell(begun, undefined)
    } catch (error) {
      // What is refused at the commit is its doing too: nobody else has written in it.
      if (!(error instanceof Undone) && !isHandlers(error)) throw error
      const failed: HandlerFailure = { error: error instanceof Undone ? error.failure : error }
      await this.#work(target, 'transaction', async (unit) => {
        const isThere = unit.streams.has(target.path) && (await this.#find(redrive.key)) !== undefined
        if (isThere) await this.#end(unit, target, { begun, failed })
      })
      this.#tell(begun, failed)
    }
  }

  /**
   * Takes the next one that waits out of the inbox, and has its attempt counted. `gone`: its dead
   * letter is there no more; `undefined`: none waits, or the stream is busy, or its domain is paused.
   */
  async #begin(unit: UnitOfWork, target: Target): Promise<BegunRedrive | 'gone' | undefined> {
    const { path: stream, domain } = target
    if (unit.streams.get(stream)?.inbox === undefined) return undefined
    if (unit.domains.get(domain.name)?.paused === true) return undefined
    const [next] = await unit.inbox([{ stream, redrives: true, limit: 1 }])
    if (next === undefined) return undefined
    const { redrive, event } = redriveOf(next, this.#parts)
    const letter = redrive === undefined ? undefined : await this.#find(redrive.key)
    const decided = [next.arrivalId]
    if (redrive === undefined || event === undefined || letter === undefined) {
      const nothing: StreamRecords = { stream, decided, deadLetters: [], redriven: [], ledger: [] }
      return (await this.#commit(unit, { streams: [nothing] })) === 'committed' ? 'gone' : undefined
    }
    const begun: BegunRedrive = { stream, redrive, event, letter, attempt: (letter.attempts ?? 0) + 1 }
    const outcome = await this.#commit(unit, { streams: [beginRecords(begun, decided)] })
    return outcome === 'committed' ? begun : undefined
  }

  /** Calls the handler; what it fails with, if it does, or gives for the commit. */
  async #call(
    unit: UnitOfWork,
    { domain, path }: Target,
    { event, attempt, letter }: BegunRedrive,
  ): Promise<Called> {
    const isRival = letter.reason === 'conflict'
    const isTracked = domain.kind === 'tracked'
    const { epoch, sequence = 0 } = event
    let effects: readonly EffectStep[] = []
    const taker: RecordedTaker = {
      add: (_events, { commands }) => {
        if (commands.length > 0) effects = [{ events: [{ epoch, sequence }], commands }]
      },
    }
    // Without tracking no call has a fence: one here would make a system outside refuse all that follow.
    const where = isTracked ? sceneOf(unit, path, taker) : sceneOf(unit)
    const scene: CallScene = { ...where, isRedrive: true, isRival }
    try {
      await checkAndCall(this.#parts, this.#caller, { domain, path, event, attempt }, scene)
      return { effects }
    } catch (error) {
      this.#caller.throwUnlessHandlers(unit)
      return { failed: { error } }
    }
  }

  /**
   * Commits what came of an attempt, and gives what it failed with, if it did, or `claim-lost`. It is durable
   * then, or will be with the transaction.
   */
  async #end(
    unit: UnitOfWork,
    target: Target,
    { begun, failed, effects = [] }: Called & { readonly begun: BegunRedrive },
  ): Promise<HandlerFailure | 'claim-lost' | undefined> {
    const now = await this.#parts.store.now()
    if (failed !== undefined) {
      const records = failedRecords(begun, { error: failed.error, now })
      return (await this.#commit(unit, { streams: [records] })) === 'committed' ? failed : 'claim-lost'
    }
    const records = { ...doneRecords(begun, now), ...(effects.length > 0 && { effects }) }
    const outcome = await this.#commit(unit, { streams: [records], ids: idsOf(target.domain, begun.event) })
    if (typeof outcome === 'string') return outcome === 'committed' ? undefined : outcome
    const code = outcome.ran === 0 ? 'effect-failed' : 'effect-partial'
    return this.#end(unit, target, {
      begun,
      failed: { error: new InturnError(code, partialText(outcome)) },
    })
  }

  #tell({ stream, event: { sequence } }: BegunRedrive, failed: HandlerFailure | undefined): void {
    const why = failed !== undefined && { error: asError(failed.error) }
    this.#parts.telemetry({ kind: 'redriven', stream, sequence, ...why })
  }

  async #commit(unit: UnitOfWork, commit: Commit): Promise<CommitOutcome> {
    const [outcome = 'claim-lost'] = await unit.commit(commit)
    const [records] = commit.streams
    if (outcome === 'claim-lost' && records !== undefined) {
      this.#parts.telemetry({ kind: outcome, stream: records.stream })
    }
    return outcome
  }

  /**
   * The dead letter of a key. Read as it is committed: whoever has the stream is the only one who takes its
   * dead letters out.
   */
  async #find(key: string): Promise<DeadLetter | undefined> {
    const { store, consumer } = this.#parts
    const [letter] = await store.reader.deadLetters(consumer, { key, limit: 1 })
    if (letter === undefined) return undefined
    const { cursor: _, ...rest } = letter
    return rest
  }

  async #work<Result>(
    { path }: Target,
    mode: 'claim' | 'transaction',
    body: (unit: UnitOfWork) => Promise<Result>,
  ): Promise<Result> {
    const { store, consumer, claimMs } = this.#parts
    const worker = this.#nextWorker()
    const { value } = await store.work({ consumer, worker, streams: [path], mode, claimMs }, body)
    return value
  }

  #goesOn(untilMs: number): boolean {
    const { timers, stop } = this.#parts
    return timers.elapsedMs() < untilMs && !stop.aborted
  }

  #targets(paths: Iterable<StreamPath>): readonly Target[] {
    return [...new Set(paths)].flatMap((path) => {
      const domain = this.#parts.domains.byName.get(parseStreamPath(path)?.domain ?? '')
      return domain === undefined ? [] : [{ domain, path }]
    })
  }
}

function redriveOf(
  { redrive, arrival }: StoredEntry,
  { reread }: EngineParts,
): { readonly redrive: StoredEntry['redrive']; readonly event: InturnEvent | undefined } {
  return { redrive, event: isEvent(arrival) ? reread(arrival) : undefined }
}

/** What the id window of a domain without tracking has to remember. */
function idsOf(domain: Domain, { id }: InturnEvent): NonNullable<Commit['ids']> {
  const window = domain.kind === 'unordered' ? domain.numbering.idWindow : undefined
  return window === undefined || id === undefined ? [] : [{ domain: domain.name, ids: [id], window }]
}

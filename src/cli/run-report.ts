// What a running worker says on standard error: what it does, what fails and when it tries again, which
// streams stop. Upholds I7: streams that fail by the thousand are summed up, not listed.
import type { Sequence } from '../core/sequence.ts'
import { spell } from '../operate/time-words.ts'
import type { EngineNews } from '../ports/telemetry.ts'
import { ProgressLine } from './progress-line.ts'
import { say } from './say.ts'
import { grouped } from './table.ts'

/** What a worker is about, for its first line. */
export interface RunSubject {
  readonly consumer: string
  readonly store: string
  readonly source: string
}

const streamLinesMax = 20
const streamLinesEveryMs = 10_000

type RestartNews = Extract<EngineNews, { kind: 'producer-restarted' | 'epoch-opened' }>
type OtherNews = Exclude<EngineNews, RestartNews | { kind: 'batch' | 'failed' | 'healed' | 'inexact' }>

/** Tells what a worker does. */
export class RunReport {
  readonly #progress = new ProgressLine()
  readonly #startedMs = performance.now()
  readonly #verdicts = new Map<string, number>()
  /** Streams whose next event failed and waits; told once each. */
  readonly #failing = new Set<string>()
  #events = 0
  #lost = 0
  #halted = 0
  #healed = 0
  #deadLetters = 0
  #streamLines = 0
  #unsaid = 0
  #windowMs = 0
  readonly #progressText: ((summary: string) => string) | undefined

  /** `progressText` makes the line of progress of what has come to pass; default: that itself. */
  constructor(progressText?: (summary: string) => string) {
    this.#progressText = progressText
  }

  started({ consumer, store, source }: RunSubject): void {
    this.say(`consumer ${consumer} reads ${source} into ${store}`)
  }

  /** Says a line. */
  say(text: string): void {
    this.#progress.clear()
    say(text)
  }

  /** Takes in what an engine tells. */
  tell(news: EngineNews): void {
    if (news.kind === 'batch') this.#count(news)
    else if (news.kind === 'failed') this.#tellFailed(news)
    else if (news.kind === 'healed') this.#tellHealed(news)
    else if (news.kind === 'inexact') this.say(inexactWords(news))
    else if (news.kind === 'producer-restarted' || news.kind === 'epoch-opened') this.#tellRestart(news)
    else this.#tellOther(news)
  }

  /** Events so far. */
  get events(): number {
    return this.#events
  }

  /** The last line: what came to pass. */
  summary(): string {
    const seconds = spell(performance.now() - this.#startedMs)
    const verdicts = [...this.#verdicts].map(([verdict, count]) => `${grouped(count)} ${verdict}`)
    const counts = [
      ...verdicts,
      ...(this.#healed === 0 ? [] : [counted(this.#healed, 'event healed', 'events healed')]),
      ...(this.#lost === 0 ? [] : [counted(this.#lost, 'gap given up', 'gaps given up')]),
      ...(this.#halted === 0 ? [] : [counted(this.#halted, 'halt', 'halts')]),
      ...(this.#deadLetters === 0 ? [] : [counted(this.#deadLetters, 'dead letter', 'dead letters')]),
    ]
    const what = counts.length === 0 ? '' : `: ${counts.join(', ')}`
    return `${counted(this.#events, 'event', 'events')} in ${seconds}${what}`
  }

  #count({ events, verdicts }: Extract<EngineNews, { kind: 'batch' }>): void {
    this.#events += events
    for (const [verdict, count = 0] of Object.entries(verdicts)) {
      this.#verdicts.set(verdict, (this.#verdicts.get(verdict) ?? 0) + count)
    }
    const summary = this.summary()
    this.#progress.show(this.#progressText?.(summary) ?? summary)
  }

  #tellFailed(news: Extract<EngineNews, { kind: 'failed' }>): void {
    const { stream, sequence, attempts, error, then, reason } = news
    const isFirst = !this.#failing.has(stream)
    const what = `${stream}: event ${sequence ?? '(no number)'} failed`
    if (then === 'retry') {
      if (this.#failing.size < 10_000) this.#failing.add(stream)
      if (isFirst) this.#sayOfStream(`${what} and is tried again: ${error}`)
      return
    }
    this.#failing.delete(stream)
    if (then === 'halt') this.#halted++
    const end = then === 'halt' ? 'its stream is halted' : 'is a dead letter now'
    const how = reason === undefined ? `${what} at attempt ${attempts}` : `${what} its checks`
    this.#sayOfStream(`${how} and ${end}: ${error}`)
  }

  #tellHealed(news: Extract<EngineNews, { kind: 'healed' }>): void {
    this.#healed += news.came
    this.#sayOfStream(healedWords(news))
  }

  #tellRestart(news: RestartNews): void {
    const { stream } = news
    this.#sayOfStream(
      news.kind === 'epoch-opened'
        ? `${stream}: its producer counts again: epoch ${news.epoch} begins`
        : `${stream}: its producer may have started to count again, with number ${news.sequence}`,
    )
  }

  #tellOther(news: OtherNews): void {
    switch (news.kind) {
      case 'lost':
        this.#lost++
        this.#sayOfStream(`${news.stream}: numbers ${news.from ?? '?'} to ${news.to} are given up as lost`)
        break
      case 'halted':
        this.#halted++
        this.#sayOfStream(`${news.stream} is halted: ${news.reason}`)
        break
      case 'dead-letter':
        this.#deadLetters++
        // Of what failed for good, `failed` has told already.
        if (!['failed', 'schema', 'worker-died'].includes(news.reason)) {
          const which = eventWords(news.stream ?? 'a message', news.sequence)
          this.#sayOfStream(`${which} is a dead letter now, ${news.reason}: ${news.detail}`)
        }
        break
      case 'baseline-failed':
        this.#sayOfStream(`${news.stream}: its baseline cannot be told, so it waits: ${news.error}`)
        break
      case 'redriven':
        this.#sayOfStream(redrivenWords(news))
        break
      case 'healing':
        break
      case 'workers-died':
        this.say(`a worker died: ${news.workers.join(', ')}; handlers are called in quarantine for a while`)
        break
      case 'claim-lost':
        this.#sayOfStream(`${news.stream}: another worker has taken it over; nothing was changed`)
        break
      case 'store-failed':
      case 'source-failed': {
        const what = news.kind === 'store-failed' ? 'the store' : 'the source'
        this.say(`${what} failed, next try in ${spell(news.retryInMs)}: ${news.error.message}`)
        break
      }
      case 'records-full':
        this.say(news.error?.message ?? 'there is room for dead letters and ledger again')
        break
      case 'recovered':
        this.say('store and source work again')
    }
  }

  #sayOfStream(text: string): void {
    const now = performance.now()
    if (now - this.#windowMs > streamLinesEveryMs) {
      if (this.#unsaid > 0)
        this.say(`... and ${grouped(this.#unsaid)} more lines about streams (inturn status)`)
      this.#windowMs = now
      this.#streamLines = 0
      this.#unsaid = 0
    }
    if (++this.#streamLines <= streamLinesMax) this.say(text)
    else this.#unsaid++
  }
}

function eventWords(where: string, sequence: Sequence | undefined): string {
  return sequence === undefined ? where : `${where}: event ${sequence}`
}

function inexactWords({ domain, stream, sequence, place }: Extract<EngineNews, { kind: 'inexact' }>): string {
  const what = `${eventWords(stream, sequence)} has a number at ${place} that no JavaScript number holds`
  return `${what}: handlers of ${domain} get such numbers rounded, unless it sets exactNumbers`
}

function redrivenWords({ stream, sequence, error }: Extract<EngineNews, { kind: 'redriven' }>): string {
  const end = error === undefined ? 'it succeeded' : `it failed: ${error}`
  return `${eventWords(stream, sequence)}, a dead letter, was tried again: ${end}`
}

function healedWords(news: Extract<EngineNews, { kind: 'healed' }>): string {
  const { stream, from, to, attempt, came, error } = news
  const range = from === to ? `number ${to}` : `numbers ${from ?? '?'} to ${to}`
  const many = came === 0 ? 'none' : grouped(came)
  const what = `${stream}: ${range} asked for (attempt ${attempt}), ${many} came`
  return error === undefined ? what : `${what}: ${error}`
}

function counted(count: number, one: string, many: string): string {
  return `${grouped(count)} ${count === 1 ? one : many}`
}

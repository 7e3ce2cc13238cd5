// What an engine tells, as lines of a log: what stops a stream, what is taken out of one, what of store and
// source fails, and when that is over. Upholds I7: streams that fail by the thousand are counted, not listed.
import { numbersText } from '../core/counter.ts'
import type { Sequence } from '../core/sequence.ts'
import { errorMessage } from '../core/thrown.ts'
import { spell } from '../core/time-words.ts'
import type { LogLine } from '../ports/log.ts'
import type { EngineNews } from '../ports/telemetry.ts'
import { Troubles } from '../ports/troubles.ts'

const streamLinesMax = 20
const streamLinesEveryMs = 10_000
const partsMax = 20
type News<Kind extends EngineNews['kind']> = Extract<EngineNews, { kind: Kind }>

/** Makes lines of what an engine tells. */
export class NewsLog {
  readonly #say: (line: LogLine) => void
  readonly #elapsedMs: () => number
  #streamLines = 0
  #unsaid = 0
  #windowMs = 0
  /** Store and source as they fail: each try is told, however short the wait. */
  readonly #outages: Troubles<LogLine>
  /** They have failed, and the first error was told whole. */
  #isDown = false
  /** The parts of its source that a worker has, as they were told last. */
  #parts = ''

  constructor(say: (line: LogLine) => void, elapsedMs: () => number) {
    this.#say = say
    this.#elapsedMs = elapsedMs
    const tell = (line: LogLine): void => {
      say({ ...line, isBrief: this.#isDown })
      this.#isDown = true
    }
    this.#outages = new Troubles({ tell, againMs: 5_000, againMsMax: 60_000, elapsedMs })
  }

  /** Takes in what an engine tells. */
  readonly tell = (news: EngineNews): void => {
    if (news.kind === 'source-parts') {
      this.#tellParts(news)
      return
    }
    const line = lineOf(news)
    if (line === undefined) return
    if ('stream' in news) this.#sayOfStream(line)
    else if (news.kind === 'store-failed' || news.kind === 'source-failed') {
      this.#outages.has(news.kind, errorMessage(line.error), line)
    } else {
      if (news.kind === 'recovered') {
        this.#outages.forget()
        this.#isDown = false
      }
      this.#say(line)
    }
  }

  /** Which parts this worker has, whenever they are others. What stands still the source warns of itself. */
  #tellParts({ parts }: News<'source-parts'>): void {
    const names = parts.map(({ name }) => name)
    const all = names.join(', ')
    if (all === this.#parts) return
    this.#parts = all
    const more = names.length > partsMax ? `, and ${names.length - partsMax} more` : ''
    const none = 'nothing: others have all parts of the source'
    const text = `reads ${names.length === 0 ? none : names.slice(0, partsMax).join(', ') + more}`
    this.#say({ level: 'info', text, fields: { kind: 'source-parts', parts: names } })
  }

  #sayOfStream(line: LogLine): void {
    const now = this.#elapsedMs()
    if (now - this.#windowMs > streamLinesEveryMs) {
      if (this.#unsaid > 0) {
        const text = `... and ${this.#unsaid} more lines about streams (inturn status)`
        this.#say({ level: 'warn', text, fields: {} })
      }
      this.#windowMs = now
      this.#streamLines = 0
      this.#unsaid = 0
    }
    if (++this.#streamLines <= streamLinesMax) this.#say(line)
    else this.#unsaid++
  }
}

function lineOf(news: EngineNews): LogLine | undefined {
  const said = saidOf(news)
  if (said === undefined) return undefined
  const [level, text] = said
  const { error, ...fields } = { error: undefined, ...news }
  return { level, text, fields, ...(error !== undefined && { error }) }
}

type Said = readonly [level: LogLine['level'], text: string] | undefined

function saidOf(news: EngineNews): Said {
  if (isOfAll(news)) return saidOfAll(news)
  switch (news.kind) {
    case 'failed':
      return failedWords(news)
    case 'lost':
      return ['warn', lostWords(news)]
    case 'inexact':
      return ['warn', inexactWords(news)]
    case 'halted':
      return ['error', `${news.stream} is halted: ${news.reason}`]
    case 'producer-restarted': {
      const may = 'its producer may have started to count again'
      return ['warn', `${news.stream}: ${may}, with number ${news.sequence}`]
    }
    case 'epoch-opened':
      return ['warn', `${news.stream}: its producer counts again: epoch ${news.epoch} begins`]
    case 'dead-letter':
      return buriedWords(news)
    case 'baseline-failed':
      return ['error', `${news.stream}: its baseline cannot be told, so it waits`]
    case 'redriven':
      return redrivenWords(news)
    case 'healed':
      return healedWords(news)
    case 'claim-lost':
      return ['warn', `${news.stream}: another worker has taken it over; nothing was changed`]
    case 'batch':
    case 'healing':
    case 'source-parts':
      return undefined
  }
}

const kindsOfAll = [
  'reads',
  'workers-died',
  'store-failed',
  'source-failed',
  'records-full',
  'recovered',
] as const

type NewsOfAll = News<(typeof kindsOfAll)[number]>

function isOfAll(news: EngineNews): news is NewsOfAll {
  return kindsOfAll.some((own) => own === news.kind)
}

/** What is no matter of one stream. */
function saidOfAll(news: NewsOfAll): Said {
  switch (news.kind) {
    case 'reads': {
      const { domain, stream, sequence } = news
      return ['info', `${domain}: a stream is what ${stream} says, its number is ${sequence}`]
    }
    case 'workers-died': {
      const died = news.workers.join(', ')
      return ['warn', `a worker died: ${died}; handlers are called in quarantine for a while`]
    }
    case 'store-failed':
      return ['error', `the store failed, next try in ${spell(news.retryInMs)}`]
    case 'source-failed':
      return ['error', `the source failed, next try in ${spell(news.retryInMs)}`]
    case 'records-full':
      if (news.error === undefined) return ['info', 'there is room for dead letters and ledger again']
      return ['error', 'nothing more is taken in']
    case 'recovered':
      return ['info', 'store and source work again']
  }
}

/** Of attempts that are made again only the first is told. */
function failedWords({ stream, sequence, attempts, then, reason }: News<'failed'>): Said {
  const what = `${stream}: event ${sequence ?? '(no number)'} failed`
  if (then === 'retry') return attempts > 1 ? undefined : ['warn', `${what} and is tried again`]
  const end = then === 'halt' ? 'its stream is halted' : 'is a dead letter now'
  const how = reason === undefined ? `${what} at attempt ${attempts}` : `${what} its checks`
  return ['error', `${how} and ${end}`]
}

/** Of what failed for good, `failed` has told already. */
function buriedWords({ reason, stream, sequence, detail }: News<'dead-letter'>): Said {
  if (['failed', 'schema', 'worker-died'].includes(reason)) return undefined
  return ['warn', `${eventWords(stream ?? 'a message', sequence)} is a dead letter now, ${reason}: ${detail}`]
}

function eventWords(where: string, sequence: Sequence | undefined): string {
  return sequence === undefined ? where : `${where}: event ${sequence}`
}

function lostWords({ stream, from, to }: News<'lost'>): string {
  return `${stream}: ${numbersText({ from, to })} ${from === to ? 'is' : 'are'} given up as lost`
}

function inexactWords({ domain, stream, sequence, place }: News<'inexact'>): string {
  const what = `${eventWords(stream, sequence)} has a number at ${place} that no JavaScript number holds`
  return `${what}: handlers of ${domain} get such numbers rounded, unless it sets exactNumbers`
}

function redrivenWords({ stream, sequence, error }: News<'redriven'>): Said {
  const what = `${eventWords(stream, sequence)}, a dead letter, was tried again`
  return error === undefined ? ['info', `${what}: it succeeded`] : ['warn', `${what}: it failed`]
}

function healedWords({ stream, from, to, attempt, came, searched, error }: News<'healed'>): Said {
  const range = numbersText({ from, to })
  const many = came === 0 ? 'none' : came
  const where = searched === undefined ? '' : `; searched: ${searched}`
  const text = `${stream}: ${range} asked for (attempt ${attempt}), ${many} came${where}`
  return [error === undefined ? 'info' : 'warn', text]
}

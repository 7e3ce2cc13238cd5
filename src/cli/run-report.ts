// What a running worker says on standard error: what it does, what fails and when it tries again, which
// streams stop.
import { spell } from '../core/time-words.ts'
import type { Config } from '../engine/define-config.ts'
import { NewsLog } from '../engine/news-log.ts'
import type { Log } from '../ports/log.ts'
import { lineTo } from '../ports/log.ts'
import type { EngineNews, TelemetryProvider } from '../ports/telemetry.ts'
import { ProgressLine } from './progress-line.ts'
import { say, sayLine } from './say.ts'
import { grouped } from './table.ts'

/** What a worker is about, for its first line. */
export interface RunSubject {
  readonly consumer: string
  readonly store: string
  readonly source: string
}

/** Tells what a worker does. */
export class RunReport {
  readonly #progress = new ProgressLine()
  readonly #startedMs = performance.now()
  readonly #verdicts = new Map<string, number>()
  readonly #log: NewsLog
  #events = 0
  #lost = 0
  #halted = 0
  #healed = 0
  #deadLetters = 0
  readonly #progressText: ((summary: string) => string) | undefined

  /**
   * @param options - `progressText` makes the line of progress of what has come to pass; default: that
   *   itself. `log`: gets what fails and stops; default: it is said like the rest
   */
  constructor(
    options: {
      readonly progressText?: (summary: string) => string
      readonly log?: Log | false | undefined
    } = {},
  ) {
    const { log } = options
    const failed = log === undefined ? sayLine : log === false ? () => undefined : lineTo(log)
    this.#progressText = options.progressText
    this.#log = new NewsLog(
      (line) => {
        this.#progress.clear()
        if (line.level === 'info') sayLine(line)
        else failed(line)
      },
      () => performance.now(),
    )
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
  readonly tell = (news: EngineNews): void => {
    if (news.kind === 'batch') this.#count(news)
    else if (news.kind === 'healed') this.#healed += news.came
    else if (news.kind === 'lost') this.#lost++
    else if (news.kind === 'dead-letter') this.#deadLetters++
    else if (news.kind === 'halted' || (news.kind === 'failed' && news.then === 'halt')) this.#halted++
    this.#log.tell(news)
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
}

/** A configuration whose worker tells a report, besides whoever it has named itself. */
export function reportedBy(report: RunReport, config: Config, metrics?: TelemetryProvider): Config {
  const { telemetry = [] } = config
  const others = metrics === undefined ? [telemetry].flat() : [metrics, ...[telemetry].flat()]
  return { ...config, telemetry: [report.tell, ...others], log: false }
}

function counted(count: number, one: string, many: string): string {
  return `${grouped(count)} ${count === 1 ? one : many}`
}

// Counts what engines tell, and reads what only their stores know when it is asked. It listens like anybody
// else, and knows no client of any monitoring system.
import { gapsOf } from '../core/gaps.ts'
import type { Gap } from '../core/gaps.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import type { AccountCounts } from '../core/stream-state.ts'
import { errorClass, errorCode } from '../core/thrown.ts'
import { verdicts } from '../core/verdict.ts'
import { deadLetterReasons } from '../ports/records.ts'
import type { RelayListener } from '../ports/relay-news.ts'
import type { SourcePart } from '../ports/source.ts'
import type {
  DurableTurn,
  EngineNews,
  Listener,
  StoreCall,
  TelemetryProvider,
  WatchedEngine,
} from '../ports/telemetry.ts'
import type { MetricLabel, MetricName } from './catalogue.ts'
import { metricList } from './catalogue.ts'
import type { HistogramPoint, Labels, NumberPoint } from './series.ts'
import { histogramSeries, note, numberSeries, Series } from './series.ts'
import { StoreFigures } from './store-figures.ts'

/** Gives what takes the times of one histogram, in seconds, for a system that keeps its histograms itself. */
export type TimesOf = (name: MetricName, labels: Labels) => (valueS: number) => void

/** What was counted of one metric. */
export interface CollectedMetric {
  readonly name: MetricName
  readonly numbers: readonly NumberPoint[]
  readonly histograms: readonly HistogramPoint[]
}

/** A lag is told every second; one that has not been for so long is not known any more. */
const lagKnownMs = 30_000

/** The metrics of all engines that it is attached to. */
export class EngineMetrics implements TelemetryProvider {
  readonly #numbers = new Map<MetricName, Series<NumberPoint>>()
  readonly #histograms = new Map<MetricName, Series<HistogramPoint>>()
  readonly #timesOf: TimesOf | undefined
  readonly #figures = new Set<StoreFigures>()
  /** When the lag of a relay was told last, by its name. */
  readonly #lagsToldMs = new Map<string, number>()
  #collecting: Promise<ReadonlyMap<MetricName, CollectedMetric>> | undefined

  constructor(timesOf?: TimesOf) {
    this.#timesOf = timesOf
  }

  attach(engine: WatchedEngine): Listener {
    const figures = new StoreFigures(engine)
    this.#figures.add(figures)
    for (const [name, labels] of firstZeros(engine)) this.number(name, labels)
    return new EngineCounter(engine, this, () => this.#figures.delete(figures)).listener
  }

  readonly attachRelay = (relay: string): RelayListener => {
    const of = (name: MetricName): NumberPoint => this.number(name, { relay })
    const [sent, failures] = [of('inturn.relay.sent'), of('inturn.relay.failures')]
    const lost = of('inturn.relay.leases.lost')
    return {
      tell: (news) => {
        if (news.kind === 'relay-sent') sent.value += news.events
        else if (news.kind === 'relay-failed') failures.value++
        else if (news.kind === 'relay-lost') lost.value++
        else if (news.kind === 'relay-lag') {
          of('inturn.relay.lag').value = news.events
          of('inturn.relay.oldest').value = news.ageMs / 1_000
          this.#lagsToldMs.set(relay, performance.now())
        }
      },
      ended: () => this.#forgetLag(relay),
    }
  }

  #forgetLag(relay: string): void {
    this.#lagsToldMs.delete(relay)
    this.forget('inturn.relay.lag', { relay })
    this.forget('inturn.relay.oldest', { relay })
  }

  /** A number that is raised, or set. */
  number(name: MetricName, labels: Labels): NumberPoint {
    const series = this.#numbers.get(name) ?? numberSeries()
    this.#numbers.set(name, series)
    return series.of(labels)
  }

  /** What is measured no more; it is not shown as what it was last. */
  forget(name: MetricName, labels: Labels): void {
    this.#numbers.get(name)?.forget(labels)
  }

  /** What notes times, in milliseconds, in one histogram. Whoever needs it often keeps it. */
  timer(name: MetricName, labels: Labels): (ms: number) => void {
    const take = this.#timesOf?.(name, labels)
    if (take !== undefined) return (ms) => take(ms / 1_000)
    const series = this.#histograms.get(name) ?? histogramSeries()
    this.#histograms.set(name, series)
    const point = series.of(labels)
    return (ms) => note(point, ms / 1_000)
  }

  /** Everything as it is now, with what the stores say. Never rejects. Who asks meanwhile gets the same. */
  collect(): Promise<ReadonlyMap<MetricName, CollectedMetric>> {
    this.#collecting ??= this.#collect().finally(() => {
      this.#collecting = undefined
    })
    return this.#collecting
  }

  async #collect(): Promise<ReadonlyMap<MetricName, CollectedMetric>> {
    const read = new Map<MetricName, Series<NumberPoint>>()
    const set = (name: MetricName, labels: Labels, value: number): void => {
      const series = read.get(name) ?? new Series((own: Labels): NumberPoint => ({ labels: own, value: 0 }))
      read.set(name, series)
      series.of(labels).value = value
    }
    await Promise.all([...this.#figures].map((figures) => figures.read(set)))
    for (const [relay, toldMs] of this.#lagsToldMs) {
      if (performance.now() - toldMs > lagKnownMs) this.#forgetLag(relay)
    }
    return new Map(
      metricList.map(([name]) => {
        const numbers = (read.get(name) ?? this.#numbers.get(name))?.points ?? []
        return [name, { name, numbers, histograms: this.#histograms.get(name)?.points ?? [] }]
      }),
    )
  }
}

/** Counts for one engine. */
class EngineCounter {
  readonly #engine: WatchedEngine
  readonly #metrics: EngineMetrics
  readonly #consumer: string
  readonly #verdicts = new Map<string, NumberPoint>()
  readonly #domains = new Map<string, DomainCounter>()
  /** What notes how long calls took that succeeded, by domain; and those of the store, by name. */
  readonly #succeeded = new Map<string, (ms: number) => void>()
  readonly #calls = new Map<string, (ms: number) => void>()
  /** The parts of the source that are read here, as they were told last. */
  #parts: readonly SourcePart[] = []
  readonly listener: Listener

  constructor(engine: WatchedEngine, metrics: EngineMetrics, ended: () => void) {
    this.#engine = engine
    this.#metrics = metrics
    this.#consumer = engine.consumer

    this.listener = {
      tell: (news) => this.#tell(news),
      handled: (domain, tookMs, failed) => this.#handled(domain, tookMs, failed),
      turned: (turn) => this.#turned(turn),
      called: (call) => this.#called(call),
      ended: () => {
        this.#setParts([])
        ended()
      },
    }
  }

  #tell(news: EngineNews): void {
    const [metrics, consumer] = [this.#metrics, this.#consumer]
    if (news.kind === 'batch') {
      this.#count(news)
      return
    }
    if (news.kind === 'source-parts') {
      this.#setParts(news.parts)
      return
    }
    const domain = 'stream' in news && news.stream !== undefined ? domainOf(news.stream) : ''
    if (news.kind === 'healed') {
      const outcome = news.error !== undefined ? 'failed' : news.came > 0 ? 'came' : 'nothing'
      metrics.timer('inturn.heal.duration', { consumer, domain, outcome })(news.tookMs)
      return
    }
    const raised = raisedBy(news)
    if (raised === undefined) return
    const [name, labels] = raised
    const of = name === 'inturn.troubles' ? { consumer, ...labels } : { consumer, domain, ...labels }
    metrics.number(name, of).value++
  }

  #count({ events, verdicts }: Extract<EngineNews, { kind: 'batch' }>): void {
    const consumer = this.#consumer
    this.#metrics.number('messaging.client.consumed.messages', { consumer }).value += events
    for (const [verdict, count = 0] of Object.entries(verdicts)) {
      const point =
        this.#verdicts.get(verdict) ?? this.#metrics.number('inturn.verdicts', { consumer, verdict })
      this.#verdicts.set(verdict, point)
      point.value += count
    }
  }

  /** A part that is read elsewhere now is measured there. */
  #setParts(parts: readonly SourcePart[]): void {
    const labels = ({ name: part }: SourcePart): Labels => ({ consumer: this.#consumer, part })
    for (const part of this.#parts) this.#metrics.forget('inturn.source.part.lag', labels(part))
    for (const part of parts) {
      if (part.behind === undefined) continue
      this.#metrics.number('inturn.source.part.lag', labels(part)).value = part.behind
    }
    this.#parts = parts
  }

  #handled(domain: string, tookMs: number, failed: { readonly error: unknown } | undefined): void {
    const known = failed === undefined ? this.#succeeded.get(domain) : undefined
    const error = failed === undefined ? '' : errorType(failed.error)
    const timer =
      known ?? this.#metrics.timer('messaging.process.duration', { consumer: this.#consumer, domain, error })
    if (failed === undefined && known === undefined) this.#succeeded.set(domain, timer)
    timer(tookMs)
  }

  #called({ method: call, tookMs }: StoreCall): void {
    const known = this.#calls.get(call)
    const timer =
      known ?? this.#metrics.timer('inturn.store.call.duration', { consumer: this.#consumer, call })
    if (known === undefined) this.#calls.set(call, timer)
    timer(tookMs)
  }

  #turned(turn: DurableTurn): void {
    const { domain } = turn
    let counter = this.#domains.get(domain)
    if (counter === undefined) {
      counter = new DomainCounter(this.#engine, this.#metrics, domain)
      this.#domains.set(domain, counter)
    }
    counter.take(turn)
  }
}

/** What a failure is called: the code or the class of its error, and no text. */
export function errorType(error: unknown): string {
  return errorCode(error) || errorClass(error) || 'other'
}

/** Which counter a piece of news raises. */
function raisedBy(
  news: Exclude<EngineNews, { readonly kind: 'batch' | 'healed' | 'source-parts' }>,
): readonly [name: MetricName, labels: Labels] | undefined {
  switch (news.kind) {
    case 'failed':
      return ['inturn.failures', { then: news.then }]
    case 'dead-letter':
      return ['inturn.dead_letters', { reason: news.reason }]
    case 'redriven':
      return ['inturn.redrives', { outcome: news.error === undefined ? 'done' : 'failed' }]
    case 'halted':
      return ['inturn.halts', {}]
    case 'producer-restarted':
      return ['inturn.restarts', {}]
    case 'store-failed':
    case 'source-failed':
    case 'claim-lost':
    case 'workers-died':
    case 'records-full':
    case 'baseline-failed':
      return ['inturn.troubles', { what: news.kind }]
    case 'lost':
    case 'inexact':
    case 'reads':
    case 'healing':
    case 'recovered':
    case 'epoch-opened':
      return undefined
  }
}

type Account = 'delivered' | 'filtered' | 'filled' | 'lost' | 'removed' | 'late'

/** What the turns of a domain's streams come to. */
class DomainCounter {
  readonly #rules: { readonly of: Parameters<typeof gapsOf>[0] } | undefined
  readonly #metrics: EngineMetrics
  readonly #labels: { readonly consumer: string; readonly domain: string }
  readonly #delay: (ms: number) => void
  readonly #accounts: Readonly<Record<Account, NumberPoint>>

  constructor({ consumer, domains }: WatchedEngine, metrics: EngineMetrics, domain: string) {
    const rules = domains.get(domain)?.rules
    this.#rules = rules && { of: rules }
    this.#metrics = metrics
    this.#labels = { consumer, domain }
    this.#delay = metrics.timer('inturn.delivery.delay', this.#labels)
    const of = (account: Account): NumberPoint =>
      metrics.number('inturn.numbers', { consumer, domain, account })
    this.#accounts = {
      delivered: of('delivered'),
      filtered: of('filtered'),
      filled: of('filled'),
      lost: of('lost'),
      removed: of('removed'),
      late: of('late'),
    }
  }

  take(turn: DurableTurn): void {
    const { before, after } = turn
    if (before.counts !== after.counts) this.#count(before.counts, after.counts)
    const hasHeld = before.held.length > 0 || after.held.length > 0
    const hasMoved = before.held !== after.held || before.position !== after.position
    if (hasHeld && hasMoved) this.#compare(turn)
    const { newest } = after
    if (newest === undefined || newest === before.newest || before.position === after.position) return
    this.#delay(Math.max(0, Date.now() - newest))
  }

  #count(before: AccountCounts, after: AccountCounts): void {
    const { delivered, filtered, filled, lost, removed, late } = this.#accounts
    raise(delivered, after.delivered - before.delivered)
    raise(filtered, after.filtered - before.filtered)
    raise(filled, after.filled - before.filled)
    raise(lost, after.lost - before.lost)
    raise(removed, after.removed - before.removed)
    raise(late, after.late - before.late)
  }

  /** Which gaps have opened, and which have ended. One that shrank, or was split, is the same gap. */
  #compare({ before, after, ledger }: DurableTurn): void {
    if (this.#rules === undefined) return
    const [were, are] = [gapsOf(this.#rules.of, before), gapsOf(this.#rules.of, after)]
    for (const gap of are) {
      if (!were.some((other) => meets(other, gap))) this.#raise('inturn.gaps.opened', {})
    }
    for (const gap of were) {
      if (are.some((other) => meets(other, gap))) continue
      const end = ledger.find(({ kind, epoch = 0, from = null, to }) => {
        const isEnd = kind === 'lost' || kind === 'filled' || kind === 'removed'
        return isEnd && to !== undefined && meets({ epoch, from, to }, gap)
      })
      const asked = (gap.clock.heal?.attempts ?? 0) > 0
      this.#raise('inturn.gaps.ended', { how: end?.kind ?? (asked ? 'healed' : 'came') })
    }
  }

  #raise(name: MetricName, more: Labels): void {
    this.#metrics.number(name, { ...this.#labels, ...more }).value++
  }
}

/** A number that has become less, as *lost* does by what comes late, was counted when it was raised. */
function raise(point: NumberPoint, more: number): void {
  if (more > 0) point.value += more
}

type Range = Pick<Gap, 'epoch' | 'from' | 'to'>

function meets(one: Range, other: Range): boolean {
  if (one.epoch !== other.epoch) return false
  return (one.from === null || one.from <= other.to) && (other.from === null || other.from <= one.to)
}

const domainNames = new Map<string, string>()

/** The domain of a stream; most paths begin with its name as it is. */
function domainOf(stream: StreamPath): string {
  const written = stream.slice(0, Math.max(0, stream.indexOf('/')))
  if (!written.includes('%')) return written
  const known = domainNames.get(written) ?? parseStreamPath(stream)?.domain ?? written
  if (domainNames.size < 1_000) domainNames.set(written, known)
  return known
}

/** What the labels of counters can be, but for those that a configuration names. */
const values: Readonly<Partial<Record<MetricLabel, readonly string[]>>> = {
  account: ['delivered', 'filtered', 'filled', 'lost', 'removed', 'late'],
  how: ['came', 'healed', 'lost', 'filled', 'removed'],
  outcome: ['done', 'failed'],
  reason: deadLetterReasons,
  then: ['retry', 'halt', 'dead-letter'],
  verdict: [...verdicts, 'handed-over'],
  what: ['store-failed', 'source-failed', 'claim-lost', 'workers-died', 'records-full', 'baseline-failed'],
}

/**
 * Every counter of an engine by its labels, of the domains whose streams are tracked. They begin at 0 where
 * their labels are known: whoever looks for a rise, as Prometheus does, sees none in a series that begins
 * with its first fault.
 */
function* firstZeros({ consumer, domains }: WatchedEngine): Generator<[MetricName, Labels]> {
  const known = { ...values, consumer: [consumer], domain: [...domains.keys()] }
  for (const [name, { kind, labels }] of metricList) {
    if (kind !== 'counter' || labels.includes('relay')) continue
    let all: readonly Labels[] = [{}]
    for (const label of labels) {
      all = all.flatMap((some) => (known[label] ?? []).map((value) => ({ ...some, [label]: value })))
    }
    for (const each of all) yield [name, each]
  }
  // What cannot be read is of no domain.
  for (const reason of ['invalid', 'too-large']) {
    yield ['inturn.dead_letters', { consumer, domain: '', reason }]
  }
}

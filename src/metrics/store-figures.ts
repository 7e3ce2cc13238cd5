// What only the store of an engine knows, read when somebody asks. A store that does not answer is told like
// one that is down.
import { HealthCount } from '../operate/health.ts'
import type { Health } from '../operate/health.ts'
import type { ConsumerFigures } from '../operate/read-status.ts'
import { readStatus } from '../operate/read-status.ts'
import { TimedQuestion } from '../operate/timed-question.ts'
import type { SourceExtent } from '../ports/source.ts'
import type { WatchedEngine } from '../ports/telemetry.ts'
import type { MetricName } from './catalogue.ts'
import type { Labels } from './series.ts'

type SetNumber = (name: MetricName, labels: Labels, value: number) => void

/** Reads the figures of one engine's consumer. */
export class StoreFigures {
  readonly #consumer: string
  readonly #status: TimedQuestion<ConsumerFigures>
  readonly #health: HealthCount
  readonly #extent: TimedQuestion<SourceExtent | undefined>

  constructor({ consumer, reader, domains, source }: WatchedEngine) {
    this.#consumer = consumer
    this.#status = new TimedQuestion(() => readStatus(reader, consumer))
    this.#health = new HealthCount({ reader, consumer }, domains, { limit: 1 })
    this.#extent = new TimedQuestion(async () => source?.extent?.())
  }

  /** Sets everything that can be read. Never rejects. */
  async read(set: SetNumber): Promise<void> {
    await Promise.all([this.#readStore(set), this.#readLag(set)])
  }

  async #readStore(set: SetNumber): Promise<void> {
    const consumer = this.#consumer
    const read = Promise.all([this.#status.answer(), this.#health.last()])
    const [figures, health] = await read.catch(() => [])
    set('inturn.store.up', { consumer }, figures === undefined ? 0 : 1)
    if (figures === undefined) return
    setFigures(set, figures)
    if (health !== undefined) setHealth(set, consumer, health)
  }

  async #readLag(set: SetNumber): Promise<void> {
    // A source that is not open yet, or cannot be reached, has no lag that is known.
    const extent = await this.#extent.answer().catch(() => undefined)
    if (extent === undefined) return
    const labels = { consumer: this.#consumer, unit: extent.unit }
    set('inturn.source.lag', labels, Math.max(0, extent.total - extent.done))
  }
}

function setFigures(set: SetNumber, figures: ConsumerFigures): void {
  const { consumer, streams, halted, failing, deadLetters, ledger, isReading, domains } = figures
  set('inturn.streams', { consumer, state: 'all' }, streams)
  set('inturn.streams', { consumer, state: 'halted' }, halted)
  set('inturn.streams', { consumer, state: 'failing' }, failing)
  set('inturn.dead_letters.kept', { consumer }, deadLetters)
  set('inturn.ledger.kept', { consumer }, ledger)
  set('inturn.reading', { consumer }, isReading ? 1 : 0)
  for (const { domain, held, handedOver, paused } of domains) {
    set('inturn.held', { consumer, domain }, held)
    set('inturn.inbox', { consumer, domain }, handedOver)
    set('inturn.paused', { consumer, domain }, paused ? 1 : 0)
  }
}

const healthKinds = ['stuck', 'failing', 'restarted', 'slow', 'waiting'] as const

function setHealth(set: SetNumber, consumer: string, { counts, oldestMs, gaps }: Health): void {
  set('inturn.gaps.open', { consumer }, gaps)
  for (const state of healthKinds) {
    if (state !== 'failing') set('inturn.streams', { consumer, state }, counts[state])
    set('inturn.wait.oldest', { consumer, state }, oldestMs[state] / 1_000)
  }
}

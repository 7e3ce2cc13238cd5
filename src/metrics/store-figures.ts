// What only the store of an engine knows, read when somebody asks. Upholds I7: streams that wait are counted
// again only after twenty times as long as the last count took, so that watching takes a twentieth at most.
import type { Health } from '../operate/health.ts'
import { readHealth } from '../operate/health.ts'
import type { ConsumerFigures } from '../operate/read-status.ts'
import { readStatus } from '../operate/read-status.ts'
import type { WatchedEngine } from '../ports/telemetry.ts'
import type { MetricName } from './catalogue.ts'
import type { Labels } from './series.ts'

type SetNumber = (name: MetricName, labels: Labels, value: number) => void

const atLeastMs = 1_000

/** Reads the figures of one engine's consumer. */
export class StoreFigures {
  readonly #engine: WatchedEngine
  #health: Health | undefined
  #nextMs = 0

  constructor(engine: WatchedEngine) {
    this.#engine = engine
  }

  /** Sets everything that can be read. Never rejects. */
  async read(set: SetNumber): Promise<void> {
    const { consumer, reader } = this.#engine
    try {
      const figures = await readStatus(reader, consumer)
      set('inturn.store.up', { consumer }, 1)
      setFigures(set, figures)
      setHealth(set, consumer, await this.#readHealth())
    } catch {
      set('inturn.store.up', { consumer }, 0)
    }
    await this.#readLag(set)
  }

  async #readHealth(): Promise<Health> {
    const { consumer, reader, domains } = this.#engine
    const beganMs = performance.now()
    if (this.#health !== undefined && beganMs < this.#nextMs) return this.#health
    const health = await readHealth({ reader, consumer }, domains, { limit: 1 })
    const now = performance.now()
    this.#nextMs = now + Math.max(atLeastMs, 20 * (now - beganMs))
    this.#health = health
    return health
  }

  async #readLag(set: SetNumber): Promise<void> {
    const { consumer, source } = this.#engine
    // A source that is not open yet, or cannot be reached, has no lag that is known.
    const extent = await source?.extent?.().catch(() => undefined)
    if (extent === undefined) return
    set('inturn.source.lag', { consumer, unit: extent.unit }, Math.max(0, extent.total - extent.done))
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

// Whether a consumer does its work, for probes and load balancers: as an answer, and as a handler of HTTP
// requests that any framework can call.
import type { Duration } from '../core/duration.ts'
import { durationMs } from '../core/duration.ts'
import { errorText } from '../core/thrown.ts'
import { spell } from '../core/time-words.ts'
import type { Store } from '../ports/store.ts'
import type { KnownDomains } from './domain-rules.ts'
import { HealthCount, readHealth } from './health.ts'
import type { Health } from './health.ts'
import type { ConsumerView } from './paging.ts'
import type { ConsumerFigures } from './read-status.ts'
import { readStatus } from './read-status.ts'
import { answerMsMax, TimedQuestion } from './timed-question.ts'

/** Whether a consumer does its work. */
export interface Readiness {
  readonly isReady: boolean
  /** What keeps it from being ready, in words. */
  readonly problems: readonly string[]
}

/** How long a stream may be stuck before its consumer is not ready: 5 minutes. */
export const wedgedAfterDefault = '5m'

/** How many of the streams that are stuck are named. */
const namedMax = 3

/**
 * Whether the store can be read, a worker of the consumer is reading its source, and no stream has been stuck
 * for longer than `wedgedMs`. Never rejects.
 */
export async function readReadiness(
  view: ConsumerView,
  known: KnownDomains,
  wedgedMs: number,
): Promise<Readiness> {
  try {
    const figures = await readStatus(view.reader, view.consumer)
    return readinessOf(figures, await readHealth(view, known), wedgedMs)
  } catch (error) {
    return unreadable(errorText(error))
  }
}

function unreadable(why: string): Readiness {
  return { isReady: false, problems: [`the store cannot be read: ${why}`] }
}

/** The same of what was read already; of health, as far as it is known. */
export function readinessOf(
  { isReading }: Pick<ConsumerFigures, 'isReading'>,
  health: Pick<Health, 'items' | 'oldestMs' | 'counts'> | undefined,
  wedgedMs: number,
): Readiness {
  const problems = isReading ? [] : ['no worker is reading']
  if (health !== undefined && health.oldestMs.stuck > wedgedMs) {
    const { items, oldestMs, counts } = health
    const named = items.filter(({ kind }) => kind === 'stuck').slice(0, namedMax)
    const details = named.map(({ stream, detail }) => `${stream}: ${detail}`)
    const what = details.length === 0 ? '' : `: ${details.join('. ')}`
    const many = counts.stuck === 1 ? '1 stream is stuck' : `${counts.stuck} streams are stuck`
    problems.push(`${many}, the oldest for ${spell(oldestMs.stuck)}${what}`)
  }
  return { isReady: problems.length === 0, problems }
}

/** Readiness for whoever asks again and again: streams that are many are counted aside. */
class WatchedReadiness {
  readonly #status: TimedQuestion<ConsumerFigures>
  readonly #health: HealthCount
  readonly #wedgedMs: number

  constructor(view: ConsumerView, known: KnownDomains, wedgedMs: number) {
    this.#status = new TimedQuestion(() => readStatus(view.reader, view.consumer))
    this.#health = new HealthCount(view, known)
    this.#wedgedMs = wedgedMs
  }

  /** Never rejects. */
  async read(): Promise<Readiness> {
    try {
      const [figures, health] = await Promise.all([this.#status.answer(), this.#health.last()])
      if (figures === undefined) return unreadable(`it has not answered for ${spell(answerMsMax)}`)
      return readinessOf(figures, health, this.#wedgedMs)
    } catch (error) {
      return unreadable(errorText(error))
    }
  }
}

/** Options of {@link monitor}. */
export interface MonitorOptions {
  readonly store: Pick<Store, 'reader'>
  readonly consumer: string
  /** What the domains have decided: without it no patience is known, and a gap is never stuck. */
  readonly domains?: KnownDomains
  /** How long a stream may be stuck. Default 5 minutes. */
  readonly wedgedAfter?: Duration
  /** What `/metrics` answers, as `prometheus()` of `inturn/telemetry/prometheus` makes it. */
  readonly metrics?: { readonly contentType: string; text(): Promise<string> }
}

/**
 * Answers `/healthz` (this process answers), `/readyz` (the consumer does its work, else 503 and why) and
 * `/metrics`, whatever the path begins with.
 *
 * @throws InturnError `config-invalid` for a `wedgedAfter` that is no duration
 * @example
 * const answer = monitor({ store, consumer: 'billing', metrics })
 * export const GET = answer
 */
export function monitor(options: MonitorOptions): (request: Request) => Promise<Response> {
  const { store, consumer, domains = new Map(), wedgedAfter = wedgedAfterDefault, metrics } = options
  const wedgedMs = durationMs(wedgedAfter, 'wedgedAfter')
  const readiness = new WatchedReadiness({ reader: store.reader, consumer }, domains, wedgedMs)
  const ready = async (): Promise<Response> => {
    const { isReady, problems } = await readiness.read()
    return Response.json({ isReady, problems }, { status: isReady ? 200 : 503 })
  }
  return async ({ url, method }) => {
    if (method !== 'GET' && method !== 'HEAD') return new Response('GET it\n', { status: 405 })
    const { pathname } = new URL(url)
    if (pathname.endsWith('/healthz')) return new Response('ok\n')
    if (pathname.endsWith('/readyz')) return ready()
    if (pathname.endsWith('/metrics') && metrics !== undefined) {
      return new Response(await metrics.text(), { headers: { 'content-type': metrics.contentType } })
    }
    const there = metrics === undefined ? '/healthz, /readyz' : '/metrics, /healthz, /readyz'
    return new Response(`there are ${there}\n`, { status: 404 })
  }
}

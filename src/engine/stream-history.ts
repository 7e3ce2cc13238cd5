// The past of a domain's streams, as its healer has it: read through intake like anything that arrives, and
// kept to what was asked for. Upholds I3: what cannot be read is no event of the history.
import { counterOf, firstFrom } from '../core/counter.ts'
import { InturnError } from '../core/errors.ts'
import type { TrackedEvent } from '../core/event.ts'
import type { Sequence } from '../core/sequence.ts'
import { after, compareSequences } from '../core/sequence.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import type { Healer, HealRequest } from '../ports/healer.ts'
import type { SourceWindow } from '../ports/source.ts'
import type { PastRange, StreamHistory } from '../ports/stream-history.ts'
import type { Timers } from '../ports/timers.ts'
import { systemTimers } from '../ports/timers.ts'
import type { TrackedDomain } from './domain.ts'
import { askHealer } from './healing/ask-healer.ts'
import { withinRound } from './healing/heal-range.ts'
import type { Intake, Intaker } from './intake.ts'
import type { EngineOptions } from './processor-options.ts'
import { makeIntaker } from './processor-options.ts'
import { resolveDomains } from './resolve-domains.ts'
import { sourceHistory } from './source-history.ts'
import type { PastOptions } from './source-to-read.ts'
import { pastOf } from './source-to-read.ts'

/** How long a healer may take for one answer, in milliseconds. */
const answerMs = 60_000

/** Whom to ask, and how the answers are read. */
interface HistoryParts {
  readonly healer: Healer
  readonly domain: TrackedDomain
  readonly intaker: Intaker
  readonly timers: Timers
}

/**
 * The past of a domain's streams, as a configuration says where to find it: its healer (`gap.heal.with`), or
 * `history`, or what its source has of it.
 *
 * @param options - a configuration, or the options of a worker or a processor
 * @param window - only this part of the history; then no healer is asked
 * @returns `undefined` where nobody can be asked
 * @throws InturnError `config-invalid` for an option that is missing, unknown or out of its range
 */
export function historyOf<Transaction>(
  options: Pick<
    EngineOptions<Transaction>,
    'domains' | 'eventFrom' | 'eventBytesMax' | 'streamBytesMax' | 'history' | 'timers'
  > &
    PastOptions,
  name: string,
  window?: SourceWindow,
): StreamHistory | undefined {
  const domains = resolveDomains(options.domains)
  const domain = domains.byName.get(name)
  if (domain?.kind !== 'tracked') return undefined
  const { healer } = domain
  const { timers = systemTimers } = options
  const about = { domain, intaker: makeIntaker(options, domains) }
  if (healer !== undefined && window === undefined) {
    return { name: healer.name, read: (range) => readHistory({ ...about, healer, timers }, range) }
  }
  const past = pastOf(options, window)
  return past === undefined ? undefined : sourceHistory(past, about)
}

/**
 * Events of a range, ascending, each number once; what else the healer brings is left out. A healer that has
 * found something may have stopped short of what there is: it is asked again from there. Of a counter that
 * wraps it is asked for one round at a time.
 */
async function readHistory(parts: HistoryParts, range: PastRange): Promise<readonly TrackedEvent[]> {
  const { domain, intaker } = parts
  const found = new Map<Sequence, TrackedEvent>()
  for (let { from } = range; from <= range.to && found.size < range.limit;) {
    const asked = { ...range, ...withinRound(domain.rules.numbering, { from, to: range.to }) }
    let last: Sequence | undefined
    for (const message of await ask(parts, asked)) {
      const event = eventIn(intaker.read({ message, domain: domain.name }), domain, asked)
      if (event === undefined) continue
      if (!found.has(event.sequence)) found.set(event.sequence, event)
      if (last === undefined || event.sequence > last) last = event.sequence
    }
    from = after(last ?? asked.to)
  }
  return [...found.values()].sort((a, b) => compareSequences(a.sequence, b.sequence)).slice(0, range.limit)
}

async function ask(
  { healer, domain, intaker, timers }: HistoryParts,
  { stream: path, signal, ...range }: PastRange & Pick<HealRequest, 'wire'>,
): Promise<readonly unknown[]> {
  const stream = parseStreamPath(path)?.stream ?? path
  const controller = new AbortController()
  const stop = (): void => controller.abort()
  signal?.addEventListener('abort', stop, { once: true })
  const request = { domain: domain.name, stream, ...range, eventFrom: intaker.mappingOf(domain) }
  const answer = await askHealer(healer, request, { timers, timeoutMs: answerMs, controller })
  signal?.removeEventListener('abort', stop)
  if (answer.problem === undefined || answer.messages.length > 0) return answer.messages
  throw new InturnError('history-unavailable', `${healer.name} cannot be read: ${answer.problem}`)
}

/** The event of a message with its number unwrapped, if it lies in the range. */
function eventIn(intake: Intake, domain: TrackedDomain, range: PastRange): TrackedEvent | undefined {
  if (intake.kind !== 'tracked' || intake.path !== range.stream || 'fill' in intake.event) return undefined
  const { event } = intake
  if (event.epoch !== range.epoch || event.sequence === undefined) return undefined
  const counter = counterOf(domain.rules.numbering)
  const { sequence: wire } = event
  const sequence = counter === undefined ? wire : firstFrom(counter, Number(range.from), Number(wire))
  return sequence >= range.from && sequence <= range.to ? { ...event, sequence } : undefined
}

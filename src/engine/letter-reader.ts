// Reads dead letters that never got into a stream again, as intake reads a message: the configuration may
// have changed since, or the limit that they were above. Upholds I3.
import { eventFrom } from '../core/event-from.ts'
import { parseStreamPath, streamPath } from '../core/stream-path.ts'
import type { LetterReader } from '../ports/letter-reader.ts'
import type { DeadLetter, InboxEntry } from '../ports/records.ts'
import { isEvent } from '../ports/store.ts'
import type { Domains } from './domain.ts'
import type { Intake, Intaker } from './intake.ts'
import { missingBytes } from './kept-message.ts'
import type { EngineOptions } from './processor-options.ts'
import { makeIntaker } from './processor-options.ts'
import { resolveDomains } from './resolve-domains.ts'

/** Which options of a configuration decide how a message is read. */
export type ReadingOptions<Transaction = unknown> = Pick<
  EngineOptions<Transaction>,
  'domains' | 'eventFrom' | 'eventBytesMax' | 'streamBytesMax'
>

/**
 * Makes what `retryDeadLetters` reads `invalid`, `implausible` and `too-large` dead letters with.
 *
 * @throws InturnError `config-invalid`
 * @example
 * await retryDeadLetters(target, { only: 'invalid', by, reason, read: letterReader(config) })
 */
export function letterReader<Transaction>(options: ReadingOptions<Transaction>): LetterReader {
  const domains = resolveDomains(options.domains)
  const intaker = makeIntaker(options, domains)
  const own = makeIntaker({ ...options, eventFrom }, underOwnNames(domains))
  return async (letter) => {
    const missing = missingBytes(letter)
    if (missing > 0)
      return {
        kind: 'unreadable',
        detail: `${missing} of its ${letter.bytes} bytes were not kept: have it sent again`,
      }
    const kept = ownEvent(letter)
    if (kept === undefined) return readingOf(readMessage(intaker, letter))
    // A message that never was an event may have a field of its own with the name `problem`.
    const wasRead = isEvent(kept) && letter.sequence !== undefined
    const event = wasRead ? intaker.reread(kept) : kept
    const wire = 'wireSequence' in event ? { sequence: event.wireSequence } : {}
    const problem = wasRead && isEvent(event) ? event.problem : undefined
    return readingOf(own.read({ message: { ...event, ...wire } }), problem)
  }
}

/**
 * Events that the rules refused were read before: they name their domain, and are kept under inturn's own
 * names, whatever their domain calls them.
 */
function underOwnNames({ byName }: Domains): Domains {
  const plain = [...byName].map(([name, domain]) => [name, { ...domain, fields: undefined }] as const)
  return { byName: new Map(plain), only: undefined, ofType: () => undefined }
}

function readMessage(intaker: Intaker, { payload, stream }: DeadLetter): Intake {
  const domain = stream === undefined ? undefined : parseStreamPath(stream)?.domain
  return intaker.read({ message: payload, ...(domain !== undefined && { domain }) })
}

/** What a letter reads as. `problem`: why what its event carries cannot be read now either. */
function readingOf(intake: Intake, problem?: string): Awaited<ReturnType<LetterReader>> {
  switch (intake.kind) {
    case 'invalid':
      return { kind: 'unreadable', detail: intake.deadLetter.detail }
    case 'unordered':
      return { kind: 'untracked', stream: intake.path, event: { ...intake.event, problem } }
    case 'tracked': {
      const { path: stream, event, domain } = intake
      const arrival = isEvent(event) ? { ...event, problem } : event
      return { kind: 'tracked', stream, arrival, rules: domain.rules }
    }
  }
}

/** The event or fill of a letter that was read before. */
function ownEvent(letter: DeadLetter): InboxEntry['arrival'] | undefined {
  const { payload: kept } = letter
  if (!isArrival(kept)) return undefined
  // It may be a message that only looks like one.
  const { domain, stream }: { readonly domain: unknown; readonly stream: unknown } = kept
  return streamPath(String(domain), String(stream)) === letter.stream ? kept : undefined
}

function isArrival(payload: unknown): payload is InboxEntry['arrival'] {
  if (typeof payload !== 'object' || payload === null) return false
  return 'domain' in payload && 'stream' in payload && 'epoch' in payload
}

// Reads dead letters that never got into a stream again, as intake reads a message: the configuration may
// have changed since, or the limit that they were above. Upholds I3.
import { eventFrom } from '../core/event-from.ts'
import { parseStreamPath, streamPath } from '../core/stream-path.ts'
import type { LetterReader } from '../ports/letter-reader.ts'
import type { DeadLetter } from '../ports/records.ts'
import type { Intake, Intaker } from './intake.ts'
import { missingBytes } from './kept-message.ts'
import { overflowLetter } from './overflow-letter.ts'
import type { ProcessorOptions } from './processor-options.ts'
import { makeIntaker } from './processor-options.ts'

/** Which options of a configuration decide how a message is read. */
export type ReadingOptions<Transaction = unknown> = Pick<
  ProcessorOptions<Transaction>,
  'domains' | 'eventFrom' | 'eventBytesMax' | 'streamBytesMax'
>

/**
 * Makes what `retryDeadLetters` reads `invalid`, `implausible` and `too-large` dead letters with.
 *
 * @throws InturnError `config-invalid`
 * @example
 * await retryDeadLetters({ store, consumer }, { only: 'invalid', by, reason, read: letterReader(config) })
 */
export function letterReader<Transaction>(options: ReadingOptions<Transaction>): LetterReader {
  const intaker = makeIntaker(options)
  // Events that the rules refused were read before, and are kept under inturn's own names.
  const own = makeIntaker({ ...options, eventFrom })
  return async (letter) => {
    const missing = missingBytes(letter)
    if (missing > 0)
      return {
        kind: 'unreadable',
        detail: `${missing} of its ${letter.bytes} bytes were not kept: have it sent again`,
      }
    const read = ownEvent(letter)
    const intake = await (read === undefined ? readMessage(intaker, letter) : own.read({ message: read }))
    return readingOf(intake, letter)
  }
}

function readMessage(intaker: Intaker, { payload, stream }: DeadLetter): Intake | Promise<Intake> {
  const domain = stream === undefined ? undefined : parseStreamPath(stream)?.domain
  return intaker.read({ message: payload, ...(domain !== undefined && { domain }) })
}

function readingOf(intake: Intake, letter: DeadLetter): Awaited<ReturnType<LetterReader>> {
  switch (intake.kind) {
    case 'invalid':
      return { kind: 'unreadable', detail: intake.deadLetter.detail }
    case 'unordered':
      return { kind: 'untracked', stream: intake.path, event: intake.event }
    case 'tracked': {
      const { path: stream, event } = intake
      const detail = 'an operator had it read again; its stream takes it back'
      return { kind: 'tracked', stream, letter: { ...overflowLetter(stream, event, letter.at), detail } }
    }
  }
}

/** The event, with its number as on the wire, where the letter has one that was read before. */
function ownEvent({ payload, stream }: DeadLetter): object | undefined {
  if (typeof payload !== 'object' || payload === null || stream === undefined) return undefined
  if (!('epoch' in payload && 'stream' in payload && 'domain' in payload)) return undefined
  if (streamPath(String(payload.domain), String(payload.stream)) !== stream) return undefined
  const wire = 'wireSequence' in payload ? { sequence: payload.wireSequence } : {}
  return { ...payload, ...wire }
}

// Which dead letters an operator means, read one after the other. Upholds I7: what is read at once, and what
// one command takes on, has a limit.
import { InturnError } from '../core/errors.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { DeadLetter, DeadLetterReason } from '../ports/records.ts'
import type { StoreReader } from '../ports/store-reader.ts'
import type { ConsumerView } from './paging.ts'
import { eachDeadLetter } from './paging.ts'

/** Which dead letters: one by its key, or all that the rest fits; at least one of the first three. */
export interface DeadLetterSelection {
  readonly key?: string
  /** Only those with this reason. */
  readonly only?: DeadLetterReason
  readonly stream?: StreamPath
  readonly domain?: string
}

/** A dead letter that was left as it is, and why. */
export interface RefusedLetter extends Pick<DeadLetter, 'key' | 'reason'> {
  readonly why: string
}

/** How many dead letters one command takes on. */
const selectedMax = 100_000

/** How many refused ones are named; all are counted. */
export const refusedNamedMax = 100

/**
 * The dead letters of a selection, each once: one that is tried again while they are read is kept anew, and
 * must not be met a second time.
 *
 * @throws InturnError `usage` for a selection of everything, `operation-refused` where no letter has the key
 */
export async function* eachSelected(
  view: ConsumerView,
  { key, only, stream, domain }: DeadLetterSelection,
): AsyncGenerator<DeadLetter> {
  if (key !== undefined) {
    yield await letterOf(view, key)
    return
  }
  if (only === undefined && stream === undefined) {
    throw new InturnError(
      'usage',
      'say which dead letters: one by its key, those of a reason, or of a stream',
    )
  }
  const met = new Set<string>()
  const filter = {
    ...(only !== undefined && { reason: only }),
    ...(stream !== undefined && { stream }),
    ...(domain !== undefined && { domain }),
  }
  for await (const { cursor: _, ...letter } of eachDeadLetter(view, filter)) {
    if (met.size >= selectedMax) return
    if (!met.has(letter.key)) yield letter
    met.add(letter.key)
  }
}

/** The dead letter of a key, if it is there. */
export async function findLetter(
  { reader, consumer }: { readonly reader: StoreReader; readonly consumer: string },
  key: string,
): Promise<DeadLetter | undefined> {
  const [found] = await reader.deadLetters(consumer, { key, limit: 1 })
  if (found === undefined) return undefined
  const { cursor: _, ...letter } = found
  return letter
}

async function letterOf(view: ConsumerView, key: string): Promise<DeadLetter> {
  const letter = await findLetter(view, key)
  if (letter !== undefined) return letter
  throw new InturnError('operation-refused', `there is no dead letter with the key ${key}`)
}

// What the dead letters of a stream say about where it stands: how many there are, which of them bear a
// number that is missing, and which were refused for what they carry. Upholds I7: what is kept has a limit.
import type { Counter } from '../core/counter.ts'
import { counterOf, firstFrom } from '../core/counter.ts'
import type { StreamRules } from '../core/rules.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { DeadLetter } from '../ports/records.ts'
import type { OperatorAction } from './operator-actions.ts'
import { argumentWord, shellWord } from './operator-actions.ts'
import type { ConsumerView } from './paging.ts'
import { eachDeadLetter } from './paging.ts'
import type { StreamGap } from './read-gaps.ts'
import { isDecided, withoutPlace } from './retry-dead-letters.ts'
import { numberText, shownNumber } from './shown-number.ts'

/** A dead letter of a stream, in short. */
export interface LetterNote extends Pick<DeadLetter, 'key' | 'reason' | 'detail' | 'at'> {
  readonly epoch: Epoch
  /** As on the wire. */
  readonly sequence: Sequence
  /**
   * Without wrapping, where the domain's counter wraps: as the letter was decided, or else the missing number
   * that it may bear.
   */
  readonly unwrapped?: Sequence
}

/** A dead letter that bears a missing number. */
export interface MissingLetter extends LetterNote {
  /** Whether it lies in the gap that the stream waits for now. */
  readonly isHead: boolean
  /** Its counter wraps, and it was not decided: it may bear that number, or one of another turn. */
  readonly isInDoubt?: true
}

/** The dead letters of a stream, as far as they say where it stands. */
export interface StreamLetters {
  /** How many there are, by reason. */
  readonly counts: Readonly<Record<string, number>>
  /** Those that bear a missing number: it came, and did not get into the stream. The first 100. */
  readonly missing: readonly MissingLetter[]
  /** Those that were refused for what they carry (`schema`), the newest last. The last 100. */
  readonly refused: readonly LetterNote[]
  /** Those with a used number that are other events than those that have it (`conflict`). The last 100. */
  readonly conflicting: readonly LetterNote[]
}

const notedMax = 100

/** Reads the dead letters of a stream. */
export async function streamLetters(
  view: ConsumerView,
  stream: StreamPath,
  { gaps, rules }: { readonly gaps: readonly StreamGap[]; readonly rules: StreamRules },
): Promise<StreamLetters> {
  const counts: Record<string, number> = {}
  const missing: MissingLetter[] = []
  const refused: LetterNote[] = []
  const conflicting: LetterNote[] = []
  for await (const letter of eachDeadLetter(view, { stream })) {
    const { key, reason, detail, at, epoch = 0, sequence } = letter
    counts[reason] = (counts[reason] ?? 0) + 1
    if (sequence === undefined) continue
    const number = isDecided(reason) ? shownNumber(rules, sequence) : { sequence }
    const note = { key, reason, detail, at, epoch, ...number }
    const counter = isDecided(reason) ? undefined : counterOf(rules.numbering)
    const found = missing.length < notedMax ? findGap(gaps, { epoch, sequence, counter }) : undefined
    if (found !== undefined) {
      const doubt = counter === undefined ? {} : ({ unwrapped: found.sequence, isInDoubt: true } as const)
      missing.push({ ...note, ...doubt, isHead: found.gap.isHead })
    }
    const kind = reason === 'schema' ? refused : reason === 'conflict' ? conflicting : []
    if (kind.push(note) > notedMax) kind.shift()
  }
  return { counts, missing, refused, conflicting }
}

/** What can be done about them: about one that the stream waits for, and about those that were refused. */
export function letterActions(stream: StreamPath, letters: StreamLetters): readonly OperatorAction[] {
  const missing = letters.missing.filter(({ isHead }) => isHead).slice(0, 1)
  return [
    ...missing.map((letter) => {
      const { key, reason, unwrapped, isInDoubt } = letter
      const number = numberText(letter)
      // Which of the numbers that its counter shows so it bears is for the operator to say.
      const bears = isInDoubt === true ? ` --sequence ${String(unwrapped)}` : ''
      const effect = withoutPlace.has(reason)
        ? `has the dead letter of ${number} read again: what can be read now goes back to its place`
        : `has the dead letter of ${number} handled, outside the order; its number stays missing`
      return retry(`--key ${shellWord(key)}${bears}`, effect)
    }),
    ...(letters.refused.length === 0
      ? []
      : [
          {
            ...retry(
              `${argumentWord(stream)} --only schema`,
              'once a configuration takes them, has those of the reason schema handled, outside the order',
            ),
            isBeside: true as const,
          },
        ]),
  ]
}

function retry(which: string, effect: string): OperatorAction {
  return { command: 'dead', line: `inturn dead retry ${which} --reason "..."`, effect }
}

/** The gap in which a number lies; of a counter that wraps, where one lies that it may stand for. */
function findGap(
  gaps: readonly StreamGap[],
  of: { readonly epoch: Epoch; readonly sequence: Sequence; readonly counter: Counter | undefined },
): { readonly gap: StreamGap; readonly sequence: Sequence } | undefined {
  const { epoch, sequence: wire, counter } = of
  for (const gap of gaps) {
    const { from, to } = gap.unwrapped ?? gap
    const isOnTurn = counter !== undefined && from !== null
    const sequence = isOnTurn ? firstFrom(counter, Number(from), Number(wire)) : wire
    if (epoch === gap.epoch && sequence <= to && (from === null || sequence >= from)) return { gap, sequence }
  }
  return undefined
}

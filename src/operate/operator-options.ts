// What every action of an operator takes: where, who, why, and what the operator believes the stream's
// position to be. Upholds I3: no action goes without a name and a reason, which the ledger keeps.
import { InturnError } from '../core/errors.ts'
import type { StreamRules } from '../core/rules.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import { toSequence } from '../core/sequence.ts'
import type { StreamState } from '../core/stream-state.ts'
import { wholeNumber } from '../core/whole-number.ts'
import type { Store } from '../ports/store.ts'
import type { Timers } from '../ports/timers.ts'
import type { KnownDomains } from './domain-rules.ts'
import { wireOf } from './domain-rules.ts'

/** Where operators act: one consumer of a store that is open. */
export interface OperatorTarget {
  readonly store: Store
  readonly consumer: string
  /** The rules of the domains; what is not in it is read off a stream's state, as far as that is safe. */
  readonly domains: KnownDomains
  /** Default: the machine's timers. */
  readonly timers?: Timers
}

/** Who acts, and why. */
export interface Operator {
  /** The operator's name. */
  readonly by: string
  /** Why; the ledger keeps it. */
  readonly reason: string
}

/** What every action on a stream takes. */
export interface OperatorOptions extends Operator {
  /**
   * The position that the operator has seen: a number, `epoch/number`, or `unknown`. The action is refused if
   * the stream stands elsewhere by now. Without an epoch only the number is compared. As on the wire, or
   * unwrapped. Absent: any.
   */
  readonly expectPosition?: string | Sequence
  /** How long to try again while a worker has the stream, in milliseconds. Default 10,000. */
  readonly waitMs?: number
}

/** How long an action tries to get its stream, in milliseconds. */
export const operatorWaitMs = 10_000

/** A place that an operator names. */
interface NamedPlace {
  readonly epoch: Epoch | undefined
  readonly sequence: Sequence
}

/**
 * Checks that an action has a name and a reason.
 *
 * @throws InturnError `usage`
 */
export function checkOperator({ by, reason }: Operator): void {
  if (typeof by !== 'string' || by.trim() === '') {
    throw new InturnError('usage', 'an operator needs a name (--by): the ledger says who did what')
  }
  if (typeof reason !== 'string' || reason.trim() === '') {
    throw new InturnError(
      'usage',
      'an operator needs a reason (--reason "..."): the ledger keeps it for others',
    )
  }
}

/**
 * Reads a place: a number, or `epoch/number`.
 *
 * @throws InturnError `usage`
 */
function namedPlace(text: string | Sequence, option: string): NamedPlace {
  const [, epoch, digits] = /^(?:(\d+)\/)?(-?\d+)$/.exec(String(text).trim()) ?? []
  const isSafe = epoch === undefined || Number.isSafeInteger(Number(epoch))
  if (digits !== undefined && isSafe) {
    return { epoch: epoch === undefined ? undefined : Number(epoch), sequence: toSequence(BigInt(digits)) }
  }
  throw new InturnError('usage', `${option} takes a number, or <epoch>/<number>, not ${String(text)}`)
}

/**
 * Reads a number alone: what names its epoch too is no such number, for the epoch would not be heeded.
 *
 * @throws InturnError `usage`
 */
export function namedNumber(text: string, option: string): Sequence {
  const digits = text.trim()
  if (/^-?\d+$/.test(digits)) return toSequence(BigInt(digits))
  throw new InturnError('usage', `${option} takes a number, not ${text}`)
}

/** Checks an epoch that an operator names. @throws InturnError `usage` */
export function checkEpoch(epoch: Epoch | undefined): void {
  if (epoch !== undefined) wholeNumber(epoch, { name: 'epoch', least: 0, code: 'usage' })
}

/**
 * Checks that a stream stands where the operator believes it to be.
 *
 * @throws InturnError `position-moved`, or `usage` where the expectation cannot be read
 */
export function checkExpected(
  { expectPosition }: Pick<OperatorOptions, 'expectPosition'>,
  { state, rules }: { readonly state: StreamState; readonly rules: StreamRules },
): void {
  if (expectPosition === undefined) return
  const { epoch, position } = state
  const isThere =
    expectPosition === 'unknown'
      ? position === undefined
      : isAt(namedPlace(expectPosition, '--expect-position'), state, rules)
  if (isThere) return
  const stands =
    position === undefined ? 'unknown' : positionText({ epoch, sequence: wireOf(rules, position) })
  throw new InturnError(
    'position-moved',
    `the position is ${stands} now, not ${String(expectPosition)}; nothing was changed`,
  )
}

/**
 * Why an operator must say where the stream stands: what is opened ends every epoch before it for good.
 * `undefined` where that is said, or needless.
 */
export function unexpectedEpoch(
  { expectPosition }: Pick<OperatorOptions, 'expectPosition'>,
  { epoch, open }: { readonly epoch: Epoch; readonly open: Epoch },
): string | undefined {
  if (epoch <= open || expectPosition !== undefined) return undefined
  const what = `epoch ${epoch} is later than the stream's, ${open}, which is over for good once that opens`
  return `${what}: say that you mean it with --expect-position`
}

/** A place as `--expect-position` takes it: `7`, or `2/7` beyond epoch 0. */
export function positionText({
  epoch,
  sequence,
}: {
  readonly epoch: Epoch
  readonly sequence: Sequence
}): string {
  return epoch === 0 ? String(sequence) : `${epoch}/${String(sequence)}`
}

function isAt(place: NamedPlace, { epoch, position }: StreamState, rules: StreamRules): boolean {
  if (position === undefined || (place.epoch ?? epoch) !== epoch) return false
  return place.sequence === position || place.sequence === wireOf(rules, position)
}

// Says what an operator's action came to: in a few lines for people, as one document for machines. Numbers of
// a counter that wraps stand as on the wire, unwrapped beside them.
import type { Sequence } from '../core/sequence.ts'
import type { StreamOperation } from '../operate/change-stream.ts'
import type { KnownDomains } from '../operate/domain-rules.ts'
import type { ShownNumber } from '../operate/shown-number.ts'
import { numberText } from '../operate/shown-number.ts'
import type { TellingParts } from '../operate/telling-parts.ts'
import { printJson, printLines } from './print.ts'
import { shownIn } from './wire-numbers.ts'

/** How an action is printed. */
export interface OperationSetting {
  readonly known: KnownDomains
  readonly json?: boolean | undefined
}

type Shown = (sequence: Sequence) => ShownNumber

/** Prints an action; `more` are lines of its own. */
export async function printOperation(
  operation: StreamOperation,
  { known, json }: OperationSetting,
  more: readonly string[] = [],
): Promise<void> {
  const shown: Shown = (sequence) => shownIn(known, operation.stream, sequence)
  if (json !== true) return printLines([...operationLines(operation, shown), ...more])
  const { before, after } = operation
  return printJson({ ...operation, before: partsJson(before, shown), after: partsJson(after, shown) })
}

function operationLines(operation: StreamOperation, shown: Shown): readonly string[] {
  const { stream, done, before, after, by, reason, deadLetters } = operation
  return [
    `${stream}: ${done}`,
    `  before: ${partsText(before, shown)}`,
    `  now:    ${partsText(after, shown)}`,
    ...deadLetters.map(({ reason: why, key }) => `  dead letter ${why}: ${key}`),
    `  in the ledger: ${by}: ${reason}`,
  ]
}

function partsJson(parts: TellingParts, shown: Shown): object {
  const { position, gap, failing } = parts
  const stands = position === null ? undefined : shown(position)
  const from = gap?.from ?? undefined
  return {
    ...parts,
    ...(stands !== undefined && { position: stands.sequence }),
    ...(stands?.unwrapped !== undefined && { unwrapped: stands.unwrapped }),
    ...(gap !== undefined && {
      gap: { ...gap, from: from === undefined ? null : shown(from).sequence, to: shown(gap.to).sequence },
    }),
    ...(failing !== undefined && { failing: { ...failing, ...shown(failing.sequence) } }),
  }
}

function partsText({ epoch, position, held, gap, failing, halt }: TellingParts, shown: Shown): string {
  const text = (sequence: Sequence): string => numberText(shown(sequence))
  const from = gap?.from ?? undefined
  const ofEpoch = epoch === 0 ? '' : ` of epoch ${epoch}`
  const missing =
    gap === undefined ? '' : `${from === undefined ? '?' : text(from)} to ${text(gap.to)} missing`
  const failed =
    failing === undefined ? '' : `${text(failing.sequence)} failed (${failing.attempts} attempts counted)`
  const halted = halt === undefined ? '' : `halted (${halt.cause})`
  const parts = [
    position === null ? 'position unknown' : `position ${text(position)}${ofEpoch}`,
    `${held} held`,
    missing,
    failed,
    halted,
  ]
  return parts.filter((part) => part !== '').join(', ')
}

// Says what an operator's action came to: in a few lines for people, as one document for machines.
import type { StreamOperation } from '../operate/change-stream.ts'
import type { TellingParts } from '../operate/telling-parts.ts'
import { printJson, printLines } from './print.ts'
import { printable } from './printable.ts'

/** Prints an action; `more` are lines of its own. */
export async function printOperation(
  operation: StreamOperation,
  { json }: { readonly json?: boolean },
  more: readonly string[] = [],
): Promise<void> {
  if (json === true) return printJson(operation)
  return printLines([...operationLines(operation), ...more].map(printable))
}

function operationLines(operation: StreamOperation): readonly string[] {
  const { stream, done, before, after, by, reason, deadLetters } = operation
  return [
    `${stream}: ${done}`,
    `  before: ${partsText(before)}`,
    `  now:    ${partsText(after)}`,
    ...deadLetters.map(({ reason: why, key }) => `  dead letter ${why}: ${key}`),
    `  in the ledger: ${by}: ${reason}`,
  ]
}

function partsText({ epoch, position, held, gap, failing, halt }: TellingParts): string {
  const ofEpoch = epoch === 0 ? '' : ` of epoch ${epoch}`
  const missing = gap === undefined ? '' : `${String(gap.from ?? '?')} to ${String(gap.to)} missing`
  const failed =
    failing === undefined ? '' : `${String(failing.sequence)} failed (${failing.attempts} attempts counted)`
  const halted = halt === undefined ? '' : `halted (${halt.cause})`
  const parts = [
    position === null ? 'position unknown' : `position ${String(position)}${ofEpoch}`,
    `${held} held`,
    missing,
    failed,
    halted,
  ]
  return parts.filter((part) => part !== '').join(', ')
}

// Takes held events into the conflict memory when their account is settled: released, or removed. A copy that
// comes later is then known as a duplicate, and a second event with their number as a conflict.
import { remember } from './conflict-memory.ts'
import type { Pass } from './pass.ts'
import type { Epoch, Sequence } from './sequence.ts'

/** Remembers the last of the held events in `after..to`, as many as the memory takes. */
export function rememberHeld(
  pass: Pass,
  span: { readonly epoch: Epoch; readonly after: Sequence | null; readonly to: Sequence },
): void {
  const { rules } = pass
  const size = rules.conflictMemory
  if (size === 0) return
  if (rules.numbering.kind === 'contiguous') {
    const to = Number(span.to)
    for (let sequence = Math.max(Number(span.after) + 1, to - size + 1); sequence <= to; sequence++) {
      rememberNumber(pass, span.epoch, sequence)
    }
    return
  }
  for (const { sequence, print } of pass.held.members(span.epoch, span.after, span.to).slice(-size)) {
    remember(pass.draft.memory, size, { epoch: span.epoch, sequence, print })
  }
}

function rememberNumber(pass: Pass, epoch: Epoch, sequence: Sequence): void {
  const print = pass.held.print(epoch, sequence)
  if (print === undefined) return
  remember(pass.draft.memory, pass.rules.conflictMemory, { epoch, sequence, print })
}

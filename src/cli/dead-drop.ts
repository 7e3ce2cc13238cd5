// `inturn dead drop`: dead letters are forgotten for good; the ledger keeps what they were.
import { Command } from 'commander'
import type { DroppedLetters } from '../operate/drop-dead-letters.ts'
import { dropDeadLetters } from '../operate/drop-dead-letters.ts'
import type { DeadFlags } from './dead-flags.ts'
import { addDeadFlags, deadOperator, refusalLines, selectionOf, viewOf } from './dead-flags.ts'
import { withOperatorTarget } from './operator-target.ts'
import { printJson, printLines } from './print.ts'
import { findNamedStream, streamArgument } from './stream-argument.ts'
import { grouped } from './table.ts'

/** The command `inturn dead drop`. */
export function deadDropCommand(): Command {
  return addDeadFlags(new Command('drop'))
    .description('forget dead letters for good; the ledger keeps what they were, and why they went')
    .argument('[stream]', streamArgument)
    .action(async (name: string | undefined, flags: DeadFlags) => {
      const operator = deadOperator(flags)
      await withOperatorTarget(flags, async (target) => {
        const selection = await selectionOf(target, name, flags)
        const dropped = await dropDeadLetters(target, { ...operator, ...selection })
        if (flags.json === true) await printJson(dropped)
        else await printLines(linesOf(dropped))
        if (dropped.refused > 0) process.exitCode = 1
        const met = dropped.dropped + dropped.gone + dropped.refused
        if (met === 0 && name !== undefined) await findNamedStream(viewOf(target), name)
      })
    })
}

function linesOf({ dropped, gone, refused, refusals }: DroppedLetters): readonly string[] {
  const lines = [
    ...(dropped === 0 ? [] : [`dropped: ${grouped(dropped)}`]),
    ...(gone === 0 ? [] : [`gone meanwhile: ${grouped(gone)}`]),
    ...refusalLines(refused, refusals),
  ]
  return lines.length === 0 ? ['there are no such dead letters'] : lines
}

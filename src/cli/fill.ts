// `inturn fill`: an operator says that numbers were burned and will never come.
import { Command, Option } from 'commander'
import type { FillOperation } from '../operate/operate-stream.ts'
import { fill } from '../operate/operate-stream.ts'
import type { OperatorFlags } from './operator-flags.ts'
import { addStreamOperatorFlags, operatorOptions } from './operator-flags.ts'
import { withNamedStream } from './operator-target.ts'
import { printOperation } from './print-operation.ts'
import type { StoreFlags } from './store-flags.ts'
import { addStoreFlags } from './store-flags.ts'
import { streamArgument } from './stream-argument.ts'
import { wholeNumber } from './whole-number.ts'

interface FillFlags extends StoreFlags, OperatorFlags {
  readonly from: number
  readonly to: number
  readonly epoch?: number
}

/** The command `inturn fill`. */
export function fillCommand(): Command {
  const number = (flags: string, description: string): Option =>
    new Option(flags, description).argParser(wholeNumber)
  return addStreamOperatorFlags(addStoreFlags(new Command('fill')))
    .description('say that numbers were never used and will never come: the stream goes on over them')
    .argument('<stream>', streamArgument)
    .addOption(number('--from <n>', 'the first of the numbers').makeOptionMandatory())
    .addOption(number('--to <n>', 'the last of the numbers').makeOptionMandatory())
    .addOption(number('--epoch <n>', 'their epoch (default: that of the position)'))
    .action(async (name: string, flags: FillFlags) => {
      const options = operatorOptions(flags)
      const { from, to, epoch } = flags
      await withNamedStream(flags, name, async (target, { stream }) => {
        const request = { ...options, stream, from, to, ...(epoch !== undefined && { epoch }) }
        const operation = await fill(target, request)
        await printOperation(operation, { ...flags, known: target.domains }, overlapLines(operation))
      })
    })
}

const overlapWords = {
  accounted: 'have an account already, and keep it',
  held: 'are held, and will be delivered in turn',
  filled: 'are filled already',
} as const

function overlapLines({ overlaps }: FillOperation): readonly string[] {
  return overlaps.map(({ from, to, what }) => `  not covered: ${from} to ${to} ${overlapWords[what]}`)
}

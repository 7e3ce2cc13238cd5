// `inturn halt`: one stream stops until an operator resumes it.
import { Command } from 'commander'
import { halt } from '../operate/operate-stream.ts'
import type { OperatorFlags } from './operator-flags.ts'
import { addStreamOperatorFlags, operatorOptions } from './operator-flags.ts'
import { withNamedStream } from './operator-target.ts'
import { printOperation } from './print-operation.ts'
import type { StoreFlags } from './store-flags.ts'
import { addStoreFlags } from './store-flags.ts'
import { streamArgument } from './stream-argument.ts'

/** The command `inturn halt`. */
export function haltCommand(): Command {
  return addStreamOperatorFlags(addStoreFlags(new Command('halt')))
    .description('stop one stream; what comes is held until it is resumed')
    .argument('<stream>', streamArgument)
    .action(async (name: string, flags: StoreFlags & OperatorFlags) => {
      const options = operatorOptions(flags)
      await withNamedStream(flags, name, async (target, { stream }) => {
        await printOperation(await halt(target, { ...options, stream }), { ...flags, known: target.domains })
      })
    })
}

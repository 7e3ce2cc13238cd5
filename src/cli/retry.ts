// `inturn retry`: a failed event, or a gap, is tried again at once.
import { Command } from 'commander'
import { retry } from '../operate/operate-stream.ts'
import type { OperatorFlags } from './operator-flags.ts'
import { addStreamOperatorFlags, operatorOptions } from './operator-flags.ts'
import { withNamedStream } from './operator-target.ts'
import { printOperation } from './print-operation.ts'
import type { StoreFlags } from './store-flags.ts'
import { addStoreFlags } from './store-flags.ts'
import { streamArgument } from './stream-argument.ts'

/** The command `inturn retry`. */
export function retryCommand(): Command {
  return addStreamOperatorFlags(addStoreFlags(new Command('retry')))
    .description(
      'try a failed event again with all its attempts, or a gap with its healing and patience begun anew',
    )
    .argument('<stream>', streamArgument)
    .action(async (name: string, flags: StoreFlags & OperatorFlags) => {
      const options = operatorOptions(flags)
      await withNamedStream(flags, name, async (target, { stream }) => {
        await printOperation(await retry(target, { ...options, stream }), { ...flags, known: target.domains })
      })
    })
}

// `inturn skip`: what a stream stands at is given up: missing numbers are lost, an event is a dead letter.
import { Command } from 'commander'
import { skip } from '../operate/operate-stream.ts'
import { namedPlace } from '../operate/operator-options.ts'
import type { OperatorFlags } from './operator-flags.ts'
import { addStreamOperatorFlags, operatorOptions } from './operator-flags.ts'
import { withNamedStream } from './operator-target.ts'
import { printOperation } from './print-operation.ts'
import type { StoreFlags } from './store-flags.ts'
import { addStoreFlags } from './store-flags.ts'
import { streamArgument } from './stream-argument.ts'

interface SkipFlags extends StoreFlags, OperatorFlags {
  readonly sequence?: string
}

/** The command `inturn skip`. */
export function skipCommand(): Command {
  return addStreamOperatorFlags(addStoreFlags(new Command('skip')))
    .description('give up what a stream stands at: missing numbers are lost, an event becomes a dead letter')
    .argument('<stream>', streamArgument)
    .option('--sequence <n>', 'the number that you saw: refuse if the stream stands at another one by now')
    .action(async (name: string, flags: SkipFlags) => {
      const options = operatorOptions(flags)
      const seen =
        flags.sequence === undefined ? undefined : namedPlace(flags.sequence, '--sequence').sequence
      await withNamedStream(flags, name, async (target, { stream }) => {
        const request = { ...options, stream, ...(seen !== undefined && { sequence: seen }) }
        await printOperation(await skip(target, request), { ...flags, known: target.domains })
      })
    })
}

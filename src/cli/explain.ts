// `inturn explain`: in words, why a stream is where it is, what it waits for, and what happens next and when.
import { Command } from 'commander'
import { explanationLines } from '../operate/explain-text.ts'
import { explainStream } from '../operate/explain.ts'
import { printJson, printLines } from './print.ts'
import { printable } from './printable.ts'
import type { StoreFlags } from './store-flags.ts'
import { addStoreFlags, withConsumer } from './store-flags.ts'
import { findNamedStream, streamArgument } from './stream-argument.ts'

/**
 * The command `inturn explain <domain>/<stream>`; of what an operator can do it names only these commands.
 */
export function explainCommand(commands: readonly string[]): Command {
  const hasCommand = (name: string): boolean => commands.includes(name)
  return addStoreFlags(new Command('explain'))
    .description('why a stream is where it is, what it waits for, and what happens next')
    .argument('<stream>', streamArgument)
    .action(async (name: string, flags: StoreFlags) =>
      withConsumer(flags, async (view, known) => {
        const stored = await findNamedStream(view, name)
        if (stored === undefined) return
        const explanation = await explainStream(view, stored, known)
        const actions = explanation.actions.filter(({ command }) => hasCommand(command))
        if (flags.json === true) return printJson({ ...explanation, actions })
        return printLines(explanationLines(explanation, { hasCommand }).map(printable))
      }),
    )
}

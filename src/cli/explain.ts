// `inturn explain`: in words, why a stream is where it is, what it waits for, and what happens next and when.
import { Command } from 'commander'
import { explanationLines } from '../operate/explain-text.ts'
import { explainStream } from '../operate/explain.ts'
import type { Explanation } from '../operate/explain.ts'
import type { OperatorAction } from '../operate/operator-actions.ts'
import { printJson, printLines } from './print.ts'
import { sourceStanding, sourceWords } from './source-standing.ts'
import type { StoreFlags } from './store-flags.ts'
import { addStoreFlags, flagWords, withConsumer } from './store-flags.ts'
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
      withConsumer(flags, async (view, known, config) => {
        const stored = await findNamedStream(view, name)
        if (stored === undefined) return
        const explanation = await explainStream(view, stored, known)
        const actions = explanation.actions
          .filter(({ command }) => hasCommand(command))
          .map((action) => ({ ...action, line: `${action.line}${storeWords(flags, action, explanation)}` }))
        const source = await sourceStanding(config, view.consumer)
        const about = { ...explanation, actions }
        if (flags.json === true) return printJson({ ...about, ...(source !== undefined && { source }) })
        const isMissing = explanation.gaps.length > 0 || explanation.standing === 'unknown'
        return printLines([
          ...explanationLines(about, { hasCommand }),
          ...(source !== undefined && isMissing ? ['', ...sourceWords(source)] : []),
        ])
      }),
    )
}

/** The flags by which the store was found, so that a command can be pasted. */
function storeWords(flags: StoreFlags, { command }: OperatorAction, { failing }: Explanation): string {
  const isOverGap = failing === undefined && ['retry', 'skip', 'fill'].includes(command)
  // What is done over a gap, or with a dead letter, needs the rules of the domain, which the store does not
  // keep.
  const rules =
    flags.store !== undefined && flags.config === undefined && (isOverGap || command === 'dead')
      ? ' --config inturn.config.ts'
      : ''
  return `${flagWords(flags)}${rules}`
}

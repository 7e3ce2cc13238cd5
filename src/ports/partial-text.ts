// A command that failed inside a commit, in words.
import type { EffectPartial } from './commit-commands.ts'

/** Commands that are named, of those that ran and of those that did not. */
const namedMax = 10

/** What failed, what ran before it and what did not run after it, in words. */
export function partialText({ commands, ran, error }: EffectPartial): string {
  const [before, culprit, behind] = [commands.slice(0, ran), commands[ran] ?? '?', commands.slice(ran + 1)]
  const did = before.length === 0 ? '' : `; done before it: ${named(before)}`
  const rest = behind.length === 0 ? '' : `; not done: ${named(behind)}`
  return `${culprit} failed in the commit (${error.slice(0, 100)})${did}${rest}`
}

function named(commands: readonly string[]): string {
  const more = commands.length - namedMax
  return [...commands.slice(0, namedMax), ...(more > 0 ? [`${more} more`] : [])].join(', ')
}

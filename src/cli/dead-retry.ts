// `inturn dead retry`: dead letters are tried once more: by a worker, outside the order of their stream, or,
// where they never were in a stream, by being read again.
import { Command } from 'commander'
import { letterReader } from '../engine/letter-reader.ts'
import { namedNumber } from '../operate/operator-options.ts'
import type { RetriedLetters } from '../operate/retry-dead-letters.ts'
import { retryDeadLetters } from '../operate/retry-dead-letters.ts'
import type { DeadFlags } from './dead-flags.ts'
import { addDeadFlags, deadOperator, refusalLines, selectionOf, viewOf } from './dead-flags.ts'
import { withOperatorTarget } from './operator-target.ts'
import { printJson, printLines } from './print.ts'
import { findNamedStream, streamArgument } from './stream-argument.ts'
import { grouped } from './table.ts'

interface RetryFlags extends DeadFlags {
  readonly sequence?: string
}

/** The command `inturn dead retry`. */
export function deadRetryCommand(): Command {
  return addDeadFlags(new Command('retry'))
    .description('try dead letters again: a worker calls the handler once, outside the order')
    .argument('[stream]', streamArgument)
    .option('--sequence <n>', 'with --key: which number it bears, where its counter wraps')
    .action(async (name: string | undefined, flags: RetryFlags) => {
      const operator = deadOperator(flags)
      const { sequence: named } = flags
      const number = named === undefined ? {} : { sequence: namedNumber(named, '--sequence') }
      await withOperatorTarget(flags, async (target, { config }) => {
        const selection = await selectionOf(target, name, flags)
        const read = config === undefined ? {} : { read: letterReader(config) }
        const request = { ...operator, ...selection, ...read, ...number }
        const retried = await retryDeadLetters(target, request)
        if (flags.json === true) await printJson(retried)
        else await printLines(linesOf(retried))
        if (retried.refused > 0) process.exitCode = 1
        const { handedOver, admitted, waiting, gone, refused } = retried
        const met = handedOver + admitted + waiting + gone + refused
        if (met === 0 && name !== undefined) await findNamedStream(viewOf(target), name)
      })
    })
}

function linesOf({
  handedOver,
  admitted,
  waiting,
  gone,
  refused,
  refusals,
}: RetriedLetters): readonly string[] {
  const lines = [
    ...(handedOver === 0 ? [] : [`handed over to the workers: ${grouped(handedOver)}`]),
    ...(admitted === 0 ? [] : [`read again, and taken back by their streams: ${grouped(admitted)}`]),
    ...(waiting === 0 ? [] : [`waiting for a worker already: ${grouped(waiting)}`]),
    ...(gone === 0 ? [] : [`gone meanwhile: ${grouped(gone)}`]),
    ...refusalLines(refused, refusals),
  ]
  if (lines.length === 0) return ['there are no such dead letters']
  const isOpen = handedOver + admitted + waiting > 0
  return isOpen
    ? [...lines, 'a worker of the consumer goes on from here: inturn dead shows what is left']
    : lines
}

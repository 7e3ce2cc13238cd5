// `inturn dead retry`: dead letters are tried once more: by a worker, outside the order of their stream, or,
// where they never were in a stream, by being read again. And `inturn dead drop`: they are forgotten for
// good.
import { Command, Option } from 'commander'
import { InturnError } from '../core/errors.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import type { Config } from '../engine/define-config.ts'
import { letterReader } from '../engine/letter-reader.ts'
import type { DeadLetterSelection, RefusedLetter } from '../operate/dead-letter-selection.ts'
import { dropDeadLetters } from '../operate/drop-dead-letters.ts'
import type { OperatorOptions, OperatorTarget } from '../operate/operator-options.ts'
import { namedNumber } from '../operate/operator-options.ts'
import { retryDeadLetters } from '../operate/retry-dead-letters.ts'
import { deadLetterReasons } from '../ports/records.ts'
import type { DeadLetterReason } from '../ports/records.ts'
import { recordFilter } from './listing.ts'
import type { OperatorFlags } from './operator-flags.ts'
import { addOperatorFlags, addWaitFlag, operatorOptions } from './operator-flags.ts'
import { printJson, printLines } from './print.ts'
import type { StoreFlags } from './store-flags.ts'
import { addStoreFlags, viewOf, withOperatorTarget } from './store-flags.ts'
import { findNamedStream, pathOfNamed, streamArgument } from './stream-argument.ts'
import { grouped } from './table.ts'

interface DeadFlags extends StoreFlags, OperatorFlags {
  readonly key?: string
  readonly only?: DeadLetterReason
  readonly allOfStream?: boolean
  readonly domain?: string
}

type Request = OperatorOptions & DeadLetterSelection

/** What came of an action, for machines and for people. */
interface Acted {
  readonly done: { readonly refused: number; readonly refusals: readonly RefusedLetter[] }
  /** What became of the letters that were not refused; nothing where there were none. */
  readonly lines: readonly string[]
  /** Said last. */
  readonly advice?: string
}

/** Acts on the dead letters that were chosen. */
type Act = (target: OperatorTarget, request: Request, config: Config | undefined) => Promise<Acted>

/** The command `inturn dead retry`. */
export function deadRetryCommand(): Command {
  const description = 'try dead letters again: a worker calls the handler once, outside the order'
  return deadActionCommand<DeadFlags & { readonly sequence?: string }>('retry', description, (flags) => {
    const { sequence: named } = flags
    const number = named === undefined ? {} : { sequence: namedNumber(named, '--sequence') }
    return async (target, request, config) => {
      const read = config === undefined ? {} : { read: letterReader(config) }
      const done = await retryDeadLetters(target, { ...request, ...read, ...number })
      const { handedOver, admitted, waiting, gone } = done
      const lines = [
        ...countLine('handed over to the workers', handedOver),
        ...countLine('read again, and taken back by their streams', admitted),
        ...countLine('waiting for a worker already', waiting),
        ...countLine('gone meanwhile', gone),
      ]
      const advice = 'a worker of the consumer goes on from here: inturn dead shows what is left'
      return { done, lines, ...(handedOver + admitted + waiting > 0 && { advice }) }
    }
  }).option('--sequence <n>', 'with --key: which number it bears, where its counter wraps')
}

/** The command `inturn dead drop`. */
export function deadDropCommand(): Command {
  const description = 'forget dead letters for good; the ledger keeps what they were, and why they went'
  return deadActionCommand('drop', description, () => async (target, request) => {
    const done = await dropDeadLetters(target, request)
    const lines = [...countLine('dropped', done.dropped), ...countLine('gone meanwhile', done.gone)]
    return { done, lines }
  })
}

/** A command on dead letters. What its own flags say is checked before a store is opened. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- commander does not type flags
function deadActionCommand<Flags extends DeadFlags>(
  name: string,
  description: string,
  actWith: (flags: Flags) => Act,
): Command {
  return addWaitFlag(addOperatorFlags(addStoreFlags(new Command(name))))
    .description(description)
    .argument('[stream]', streamArgument)
    .option('--key <key>', 'the one with this key, as inturn dead --json shows it')
    .addOption(new Option('--only <reason>', 'those with this reason').choices(deadLetterReasons))
    .option('--all-of-stream', 'all of the stream')
    .option('--domain <name>', 'only those of the streams of this domain')
    .action(async (stream: string | undefined, flags: Flags) => {
      const operator = operatorOptions(flags)
      const act = actWith(flags)
      await withOperatorTarget(flags, async (target, { config }) => {
        const selection = await selectionOf(target, stream, flags)
        const { done, lines, advice } = await act(target, { ...operator, ...selection }, config)
        const all = [...lines, ...refusalLines(done.refused, done.refusals)]
        if (flags.json === true) await printJson(done)
        else if (all.length === 0) await printLines(['there are no such dead letters'])
        else await printLines(advice === undefined ? all : [...all, advice])
        if (done.refused > 0) process.exitCode = 1
        if (all.length === 0 && stream !== undefined) await findNamedStream(viewOf(target), stream)
      })
    })
}

/**
 * Which dead letters the flags mean.
 *
 * @throws InturnError `usage` where they do not say
 */
async function selectionOf(
  target: OperatorTarget,
  name: string | undefined,
  flags: DeadFlags,
): Promise<DeadLetterSelection> {
  const { key, only, allOfStream = false } = flags
  if (key !== undefined) {
    await checkFits(target, key, name, flags)
    return { key }
  }
  if (name === undefined ? only === undefined : only === undefined && !allOfStream) {
    throw new InturnError(
      'usage',
      'say which dead letters: --key <key>, --only <reason>, or a stream with --all-of-stream',
    )
  }
  const filter = await recordFilter(viewOf(target), name, flags)
  return { ...filter, ...(only !== undefined && { only }) }
}

/** Whoever names more than a key means a dead letter that all of it fits. */
async function checkFits(
  target: OperatorTarget,
  key: string,
  name: string | undefined,
  { only, domain }: DeadFlags,
): Promise<void> {
  const view = viewOf(target)
  const [letter] = await view.reader.deadLetters(view.consumer, { key, limit: 1 })
  if (letter === undefined) return
  const { stream, reason } = letter
  const isOther =
    (name !== undefined && stream !== (await pathOfNamed(view, name))) ||
    (domain !== undefined && parseStreamPath(stream ?? '')?.domain !== domain) ||
    (only !== undefined && reason !== only)
  if (!isOther) return
  const what = `it is of ${stream ?? 'no stream'}, for the reason ${reason}`
  throw new InturnError('usage', `the dead letter ${key} is not what else is named: ${what}`)
}

/** Those that were left as they are, a line each. */
export function refusalLines(refused: number, refusals: readonly RefusedLetter[]): readonly string[] {
  const lines = refusals.map(({ key, reason, why }) => `  ${key} (${reason}): ${why}`)
  if (refused > refusals.length) lines.push(`  ... and ${refused - refusals.length} more`)
  return refused === 0 ? [] : [`left as they are: ${refused}`, ...lines]
}

function countLine(what: string, count: number): readonly string[] {
  return count === 0 ? [] : [`${what}: ${grouped(count)}`]
}

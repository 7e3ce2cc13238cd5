// The flags of the commands that try dead letters again, or drop them: which ones, who, and why.
import { Option } from 'commander'
import type { Command } from 'commander'
import { durationMs } from '../core/duration.ts'
import { InturnError } from '../core/errors.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import type { DeadLetterSelection, RefusedLetter } from '../operate/dead-letter-selection.ts'
import type { Operator, OperatorTarget } from '../operate/operator-options.ts'
import type { ConsumerView } from '../operate/paging.ts'
import { deadLetterReasons } from '../ports/records.ts'
import type { DeadLetterReason } from '../ports/records.ts'
import type { OperatorFlags } from './operator-flags.ts'
import { addOperatorFlags, operatorOf } from './operator-flags.ts'
import type { StoreFlags } from './store-flags.ts'
import { addStoreFlags } from './store-flags.ts'
import { pathOfNamed } from './stream-argument.ts'

/** The values of the flags. */
export interface DeadFlags extends StoreFlags, Pick<OperatorFlags, 'by' | 'reason' | 'wait'> {
  readonly key?: string
  readonly only?: DeadLetterReason
  readonly allOfStream?: boolean
  readonly domain?: string
}

/** The command with the flags that choose dead letters, and those of an operator. */
export function addDeadFlags(command: Command): Command {
  return addOperatorFlags(addStoreFlags(command))
    .option('--wait <duration>', 'how long to try while a worker has the stream (default: 10s)')
    .option('--key <key>', 'the one with this key, as inturn dead --json shows it')
    .addOption(new Option('--only <reason>', 'those with this reason').choices(deadLetterReasons))
    .option('--all-of-stream', 'all of the stream')
    .option('--domain <name>', 'only those of the streams of this domain')
}

/**
 * Which dead letters the flags mean.
 *
 * @throws InturnError `usage` where they do not say
 */
export async function selectionOf(
  target: OperatorTarget,
  name: string | undefined,
  flags: DeadFlags,
): Promise<DeadLetterSelection> {
  const { key, only, allOfStream = false, domain } = flags
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
  const stream = name === undefined ? undefined : await pathOfNamed(viewOf(target), name)
  return {
    ...(stream !== undefined && { stream }),
    ...(only !== undefined && { only }),
    ...(domain !== undefined && { domain }),
  }
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

/** The consumer's part of the store. */
export function viewOf({ store, consumer }: OperatorTarget): ConsumerView {
  return { reader: store.reader, consumer }
}

/** Who acts, why, and how long to wait. */
export function deadOperator(flags: DeadFlags): Operator & { readonly waitMs?: number } {
  const { wait } = flags
  return { ...operatorOf(flags), ...(wait !== undefined && { waitMs: durationMs(wait, '--wait') }) }
}

/** Those that were left as they are, a line each. */
export function refusalLines(refused: number, refusals: readonly RefusedLetter[]): readonly string[] {
  const lines = refusals.map(({ key, reason, why }) => `  ${key} (${reason}): ${why}`)
  if (refused > refusals.length) lines.push(`  ... and ${refused - refusals.length} more`)
  return refused === 0 ? [] : [`left as they are: ${refused}`, ...lines]
}

// `inturn seek`: moves a stream's position, forwards over numbers that it will not see, or backwards to have
// its history handled once more.
import { Command, Option } from 'commander'
import { InturnError } from '../core/errors.ts'
import { readTime } from '../core/producer-runs.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import { historyOf } from '../engine/stream-history.ts'
import { openEpoch } from '../operate/open-epoch.ts'
import { namedPlace } from '../operate/operator-options.ts'
import type { SeekOperation } from '../operate/seek.ts'
import { seek } from '../operate/seek.ts'
import type { StreamHistory } from '../ports/stream-history.ts'
import type { OperatorFlags } from './operator-flags.ts'
import { addStreamOperatorFlags, operatorOptions } from './operator-flags.ts'
import { withNamedStream } from './operator-target.ts'
import { printOperation } from './print-operation.ts'
import { ProgressLine } from './progress-line.ts'
import type { FoundStore, StoreFlags } from './store-flags.ts'
import { addStoreFlags } from './store-flags.ts'
import { streamArgument } from './stream-argument.ts'
import { grouped } from './table.ts'
import { wholeNumber } from './whole-number.ts'

interface SeekFlags extends StoreFlags, OperatorFlags {
  readonly to?: string
  readonly epoch?: number
  readonly newEpoch?: boolean
  readonly since?: string
}

/** The command `inturn seek`. */
export function seekCommand(): Command {
  return addStreamOperatorFlags(addStoreFlags(new Command('seek')))
    .description(
      'move the position of a stream: forwards over numbers, or backwards to handle them once more',
    )
    .argument('<stream>', streamArgument)
    .option('--to <n>', 'the position to move to; the next number is the one after it')
    .addOption(new Option('--epoch <n>', 'its epoch (default: that of the position)').argParser(wholeNumber))
    .option('--new-epoch', 'its producer counts again: what it made since is of the next epoch')
    .option(
      '--since <time>',
      'with --new-epoch: since when, as its events say it (default: what explain says)',
    )
    .action(async (name: string, flags: SeekFlags) => {
      const options = operatorOptions(flags)
      const { epoch } = flags
      if (flags.newEpoch === true) return openNext(name, flags)
      if (flags.since !== undefined) throw new InturnError('usage', '--since goes with --new-epoch')
      if (flags.to === undefined) throw new InturnError('usage', 'seek takes --to <n>, or --new-epoch')
      const to = namedPlace(flags.to, '--to').sequence
      const progress = new ProgressLine()
      await withNamedStream(flags, name, async (target, { stream }, found) => {
        const history = historyFor(found, stream)
        const operation = await seek(target, {
          ...options,
          stream,
          to,
          ...(epoch !== undefined && { epoch }),
          ...(history !== undefined && { history }),
          onProgress: ({ handedOver, readTo }) =>
            progress.show(`${grouped(handedOver)} events handed over, up to ${readTo}`),
        })
        progress.clear()
        await printOperation(operation, { ...flags, known: target.domains }, historyLines(operation))
      })
    })
}

async function openNext(name: string, flags: SeekFlags): Promise<void> {
  const options = operatorOptions(flags)
  if (flags.to !== undefined || flags.epoch !== undefined) {
    throw new InturnError(
      'usage',
      '--new-epoch goes without --to and --epoch: the next epoch begins at its start',
    )
  }
  const since = flags.since === undefined ? undefined : readTime(flags.since)
  if (flags.since !== undefined && since === undefined) {
    throw new InturnError('usage', `--since takes a time like 2026-01-31T12:00:00Z, not ${flags.since}`)
  }
  await withNamedStream(flags, name, async (target, { stream }) => {
    const request = { ...options, stream, ...(since !== undefined && { since }) }
    await printOperation(await openEpoch(target, request), { ...flags, known: target.domains })
  })
}

function historyFor({ config }: FoundStore, stream: StreamPath): StreamHistory | undefined {
  if (config === undefined) return undefined
  return historyOf(config, parseStreamPath(stream)?.domain ?? '')
}

function historyLines({ history }: SeekOperation): readonly string[] {
  if (history === undefined) return []
  const { handedOver, isComplete, why } = history
  const stopped = isComplete ? 'all of its history' : `then: ${why ?? 'it was interrupted'}`
  return [`  handed over: ${grouped(handedOver)} events, ${stopped}`]
}

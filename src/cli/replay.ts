// `inturn replay`: history is handled once more: all of it by a new consumer, or a range of one stream by the
// same one.
import { Command } from 'commander'
import { durationMs } from '../core/duration.ts'
import { InturnError } from '../core/errors.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import type { Config } from '../engine/define-config.ts'
import { createProcessor } from '../engine/processor.ts'
import type { Redelivered } from '../engine/redeliver.ts'
import { historyOf } from '../engine/stream-history.ts'
import { namedNumber } from '../operate/operator-options.ts'
import { errorTail } from '../ports/log.ts'
import type { SourceWindow } from '../ports/source.ts'
import { loadConfig } from './load-config.ts'
import type { OperatorFlags } from './operator-flags.ts'
import { addOperatorFlags, addWaitFlag, operatorOf } from './operator-flags.ts'
import { printJson, printLines } from './print.ts'
import { rebuild } from './rebuild.ts'
import { endOnSignals, lastWordMs } from './stop-on-signals.ts'
import { findNamedStream, streamArgument } from './stream-argument.ts'
import { grouped } from './table.ts'
import { wholeNumberOption } from './whole-number.ts'

interface ReplayFlags extends Pick<OperatorFlags, 'by' | 'reason' | 'wait'> {
  readonly config?: string
  readonly json?: boolean
  readonly as?: string
  readonly from?: string
  readonly to?: string
  readonly epoch?: number
  readonly since?: string
  readonly until?: string
}

/** What the flags of a window take, of `replay` and `seek`. */
export const sinceText =
  'only what the history has since a time, so long before now (2h), or places (a[3]@17)'
export const untilText = 'only what the history has in front of that'

/** The window that flags name. */
export function windowOf({ since, until }: SourceWindow): SourceWindow | undefined {
  return since === undefined && until === undefined ? undefined : { since, until }
}

/** The command `inturn replay`. */
export function replayCommand(): Command {
  const command = addOperatorFlags(new Command('replay'))
    .description('handle history once more: all of it by a new consumer (--as), or a range of one stream')
    .argument('[stream]', streamArgument)
    .option('--config <file>', 'the configuration (default: inturn.config.ts)')
    .option('--as <consumer>', 'rebuild: a new consumer reads the history from its beginning')
    .option('--from <n>', 'the first number of the range, as the stream counts it')
    .option('--to <n>', 'the last number of the range')
    .addOption(wholeNumberOption('--epoch <n>', 'the epoch of the range (default: 0)'))
    .option('--since <edge>', sinceText)
    .option('--until <edge>', untilText)
  return addWaitFlag(command)
    .option('--json', 'for machines')
    .action(async (name: string | undefined, flags: ReplayFlags) => {
      const { as, json = false } = flags
      if ((as === undefined) === (name === undefined)) {
        throw new InturnError(
          'usage',
          'replay takes either --as <consumer>, or a stream with --from and --to',
        )
      }
      if (as !== undefined) {
        // A rebuild that is stopped early has not come to its end.
        process.exitCode = 1
        endOnSignals()
      }
      const config = await (name === undefined ? loadConfig(flags.config) : checkedRange(flags))
      if (as !== undefined) await rebuild({ config, as, json, window: flags, file: flags.config })
      if (name !== undefined) await redeliver(config, name, flags)
      // What a configuration opened (a pool, a client) must not keep a command alive that has ended.
      setTimeout(() => process.exit(), lastWordMs).unref()
    })
}

/** Checks the flags of a range before the configuration is loaded. */
async function checkedRange(flags: ReplayFlags): Promise<Config> {
  operatorOf(flags)
  if (flags.from === undefined || flags.to === undefined) {
    throw new InturnError('usage', 'the range takes --from <n> and --to <n>')
  }
  for (const flag of ['from', 'to'] as const) namedNumber(flags[flag] ?? '', `--${flag}`)
  return loadConfig(flags.config)
}

async function redeliver(config: Config, name: string, flags: ReplayFlags): Promise<void> {
  const operator = operatorOf(flags)
  const { wait, epoch, json } = flags
  const range = {
    from: namedNumber(flags.from ?? '', '--from'),
    to: namedNumber(flags.to ?? '', '--to'),
    ...(epoch !== undefined && { epoch }),
    ...(wait !== undefined && { wait: durationMs(wait, '--wait') }),
  }
  const { source: _1, sweepEvery: _2, lookAheadMax: _3, lookAheadBytesMax: _4, ...others } = config
  const { refusePatience: _5, ...options } = others
  const processor = createProcessor(options)
  try {
    const stored = await findNamedStream({ reader: config.store.reader, consumer: config.consumer }, name)
    if (stored === undefined) return
    const { domain = '', stream = '' } = parseStreamPath(stored.stream) ?? {}
    const history = historyOf(config, domain, windowOf(flags))
    const asked = { ...operator, ...range, ...(history !== undefined && { history }) }
    const done = await processor.redeliver({ ...asked, domain, stream })
    if (json === true) await printJson(shownInJson(done))
    else await printLines(linesOf(done))
    if (done.missing > 0 || done.failed !== undefined) process.exitCode = 1
  } finally {
    await processor.close()
  }
}

function shownInJson({ failed, ...done }: Redelivered): object {
  if (failed === undefined) return done
  const { sequence, error } = failed
  return { ...done, failed: { sequence, error: errorTail(error) } }
}

function linesOf({ stream, handled, missing, missingRanges, failed }: Redelivered): readonly string[] {
  const ranges = missingRanges.map(({ from, to }) => (from === to ? String(from) : `${from} to ${to}`))
  return [
    `${stream}: ${grouped(handled)} ${handled === 1 ? 'event was' : 'events were'} handled once more`,
    ...(missing === 0
      ? []
      : [`  the history does not have ${grouped(missing)} of them: ${ranges.join(', ')}`]),
    ...(failed === undefined
      ? []
      : [`  event ${failed.sequence} failed, and nothing behind it was handled: ${errorTail(failed.error)}`]),
  ]
}

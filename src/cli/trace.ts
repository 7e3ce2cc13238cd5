// `inturn trace`: what the rules decide about a recorded log, line by line. Flags are checked here; the
// replay itself is in recorded/trace.ts.
import { Command, Option } from 'commander'
import { durationMs } from '../core/duration.ts'
import { InturnError } from '../core/errors.ts'
import { defaultStreamLimits } from '../core/rules.ts'
import type { GapEnd } from '../core/rules.ts'
import { trace, traceRules } from '../recorded/trace.ts'
import { addLogFlags, logFields } from './log-flags.ts'
import type { LogFlags } from './log-flags.ts'
import { printJsonText } from './print.ts'
import { wholeNumberOption } from './whole-number.ts'

/** The flags of `inturn trace`. */
export interface TraceFlags extends LogFlags {
  readonly start?: number | 'first-seen'
  readonly arrival?: string
  readonly patience: number
  readonly then: GapEnd
  readonly heldMax: number
  readonly spanMax?: number
  readonly epochSpanMax?: number
}

const { patienceMs, gapEnd, heldMax, spanMax } = defaultStreamLimits

/** The command `inturn trace <file|->`. */
export function traceCommand(): Command {
  return addLogFlags(new Command('trace'))
    .description('replay a recorded arrival order through the rules and print every decision as NDJSON')
    .argument('<file>', 'the recorded log, or - for standard input')
    .addOption(
      new Option('--start <n>', 'first number of a stream, or first-seen (default: 1)').argParser(startOf),
    )
    .option('--arrival <path>', 'field with the arrival time, milliseconds or ISO: it moves the clock')
    .addOption(
      new Option('--patience <duration>', 'how long a gap may stay open, like 30s, 500ms, 2m')
        .argParser((text) => usage(() => durationMs(text, '--patience')))
        .default(patienceMs, '30s'),
    )
    .addOption(
      new Option('--then <end>', 'what happens to a gap when its patience is over')
        .choices(['wait', 'skip', 'halt'])
        .default(gapEnd),
    )
    .addOption(wholeNumberOption('--held-max <n>', 'held events a stream, at most').default(heldMax))
    .addOption(
      wholeNumberOption(
        '--span-max <n>',
        `how far ahead of the position a number may lie (default: ${spanMax}, where numbers are contiguous)`,
        1,
      ),
    )
    .addOption(
      wholeNumberOption(
        '--epoch-span-max <n>',
        'how far above the open epoch another may lie (default: 1000000, or the open one)',
        1,
      ),
    )
    .action(async (file: string, flags: TraceFlags) => printTrace(file, flags))
}

async function printTrace(file: string, flags: TraceFlags): Promise<void> {
  const { arrival } = flags
  const fields = { ...logFields(flags), ...(arrival !== undefined && { arrival }) }
  const rules = usage(() => traceRules(flags))
  await printJsonText(trace(file, { fields, rules, allowEmpty: flags.allowEmpty === true }))
}

function startOf(text: string): number | 'first-seen' {
  if (text === 'first-seen') return text
  const start = /^-?\d+$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(start)) return start
  throw new InturnError('usage', `--start takes a whole number or first-seen, not ${text}`)
}

/** What core calls a wrong configuration is wrong usage here. */
function usage<Value>(read: () => Value): Value {
  try {
    return read()
  } catch (error) {
    if (error instanceof InturnError) throw new InturnError('usage', error.message, { cause: error })
    throw error
  }
}

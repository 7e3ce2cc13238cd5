// `inturn resequence`: the same lines, each stream in order and each number once.
import { Command } from 'commander'
import { checkOutputs } from '../recorded/check-outputs.ts'
import { fileOutlet, LineSink, streamOutlet } from '../recorded/line-sink.ts'
import { resequenceLog } from '../recorded/resequence-log.ts'
import type { ResequenceSummary } from '../recorded/resequence-log.ts'
import { addLogFlags, logFields, memoryOption } from './log-flags.ts'
import type { LogFlags } from './log-flags.ts'
import { printableLines } from './printable.ts'
import { ProgressLine } from './progress-line.ts'
import { sayPlainly } from './say.ts'
import { grouped } from './table.ts'

interface ResequenceFlags extends LogFlags {
  readonly output?: string
  readonly rejects?: string
  readonly memory: number
}

/** The command `inturn resequence <file|->`. */
export function resequenceCommand(): Command {
  return addLogFlags(new Command('resequence'))
    .description('the same lines byte for byte, each stream in order and each number once')
    .argument('<file>', 'the recorded log, or - for standard input')
    .option('-o, --output <file>', 'where the lines go; standard output unless given, or with -')
    .option('--rejects <file>', 'where invalid and conflicting lines go')
    .addOption(memoryOption())
    .action(runResequence)
}

async function runResequence(file: string, flags: ResequenceFlags): Promise<void> {
  process.once('SIGINT', () => process.exit(130))
  const { rejects } = flags
  const output = flags.output === '-' ? undefined : flags.output
  const fields = logFields(flags)
  checkOutputs(file, [
    { name: 'the output', path: output },
    { name: 'the rejects', path: rejects },
  ])
  const progress = new ProgressLine()
  try {
    const summary = await resequenceLog(file, {
      fields,
      memoryBytes: flags.memory,
      allowEmpty: flags.allowEmpty === true,
      onProgress: progress.showReading,
      openOutput: () => new LineSink(output === undefined ? toStandardOutput() : fileOutlet(output)),
      ...(rejects !== undefined && { openRejects: () => new LineSink(fileOutlet(rejects)) }),
      ...(flags.format !== undefined && { format: flags.format }),
    })
    progress.clear()
    sayPlainly(summaryText(summary, rejects))
  } finally {
    progress.clear()
  }
}

/** Files and pipes get every byte; a terminal gets text. */
function toStandardOutput(): ReturnType<typeof streamOutlet> {
  return streamOutlet(process.stdout, process.stdout.isTTY ? printableLines : undefined)
}

/** What became of the lines, in one line. */
function summaryText(summary: ResequenceSummary, rejects: string | undefined): string {
  const { written, streams, duplicates, conflicts, invalid } = summary
  const removed = `${grouped(duplicates)} duplicates removed`
  const rejected = `${grouped(conflicts)} conflicts and ${grouped(invalid)} invalid lines`
  const where = rejects === undefined ? 'left out (--rejects keeps them)' : `in ${rejects}`
  const rest = conflicts + invalid === 0 ? 'nothing rejected' : `${rejected} ${where}`
  return `${grouped(written)} lines of ${grouped(streams)} streams in order; ${removed}; ${rest}`
}

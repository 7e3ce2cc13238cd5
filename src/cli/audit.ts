// `inturn audit`: is this log complete, once each, and in order?
import { Command } from 'commander'
import { InturnError } from '../core/errors.ts'
import { readSequence } from '../core/read-sequence.ts'
import type { Sequence } from '../core/sequence.ts'
import { auditLog } from '../recorded/audit-log.ts'
import type { LogAudit } from '../recorded/audit-log.ts'
import { checkOutputs } from '../recorded/check-outputs.ts'
import { auditToPage } from './audit-page.ts'
import { auditJson, auditText } from './audit-text.ts'
import { addLogFlags, logFields, memoryOption } from './log-flags.ts'
import type { LogFlags } from './log-flags.ts'
import { printLines, printNdjson } from './print.ts'
import { ProgressLine } from './progress-line.ts'
import { wholeNumberOption } from './whole-number.ts'

interface AuditFlags extends LogFlags {
  readonly start: string
  readonly gaps: number
  readonly conflicts?: true
  readonly memory: number
  readonly html?: string
  readonly json?: true
}

const conflictsMax = 1000
const gapsMax = 999_999_999

/** The command `inturn audit <file|->`. */
export function auditCommand(): Command {
  return addLogFlags(new Command('audit'))
    .description('is this recorded log complete, once each, and in order?')
    .argument('<file>', 'the recorded log, or - for standard input')
    .option('--start <n|lowest>', 'where numbers start; lowest is the smallest number seen', 'lowest')
    .addOption(
      wholeNumberOption('--gaps <n>', 'list at most so many gaps; the totals stay exact', 0, gapsMax).default(
        1000,
      ),
    )
    .option('--conflicts', 'also list the conflicts, both events by line and id; the first 1,000 of them')
    .addOption(memoryOption())
    .option('--html <file>', 'also write a page with a picture of what is missing, doubled and out of order')
    .option('--json', 'print one JSON document')
    .action(runAudit)
}

async function runAudit(file: string, flags: AuditFlags): Promise<void> {
  process.once('SIGINT', () => process.exit(130))
  const fields = logFields(flags)
  checkOutputs(file, [{ name: 'the page', path: flags.html }])
  const progress = new ProgressLine()
  const options: LogAudit = {
    fields,
    start: startOf(flags.start, fields.numbering !== 'contiguous'),
    gapsMax: flags.gaps,
    conflictsMax: flags.conflicts === true || flags.html !== undefined ? conflictsMax : 0,
    allowEmpty: flags.allowEmpty === true,
    memoryBytes: flags.memory,
    onProgress: progress.showReading,
    ...(flags.format !== undefined && { format: flags.format }),
  }
  try {
    const report = await (flags.html === undefined
      ? auditLog(file, options)
      : auditToPage(file, options, { path: flags.html, command: ['inturn', ...process.argv.slice(2)] }))
    progress.clear()
    const shown = { conflicts: flags.conflicts === true }
    if (flags.json === true) await printNdjson([auditJson(report, shown)])
    else await printLines(auditText(file, report, shown))
    process.exitCode = report.clean ? 0 : 1
  } finally {
    progress.clear()
  }
}

function startOf(text: string, big: boolean): Sequence | 'lowest' {
  if (text === 'lowest') return text
  const start = readSequence(text, { big, signed: true })
  if (typeof start !== 'string') return start
  throw new InturnError('usage', `--start takes a whole number or lowest, not ${text}`)
}

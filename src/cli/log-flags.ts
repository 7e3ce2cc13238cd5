// The flags that audit, resequence and trace share: where in a recorded log's lines to find what.
import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { wholeNumberIn } from '../core/whole-number.ts'
import { memoryBytesDefault } from '../recorded/audit-report.ts'
import { fieldsFrom } from '../recorded/recorded-fields.ts'
import type { RecordedFields, RecordedFormat, RecordedNumbering } from '../recorded/recorded-fields.ts'

/** The values of the shared flags. */
export interface LogFlags {
  readonly stream: readonly string[]
  readonly sequence: string
  readonly epoch?: string
  readonly id?: string
  readonly previous?: string
  readonly numbering: RecordedNumbering
  readonly modulus?: number
  readonly wrapsTo?: number
  readonly format?: RecordedFormat
  readonly delimiter?: string
  readonly allowEmpty?: true
}

/** The command with the shared flags. */
export function addLogFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--stream <paths>', 'field of the stream; several, with commas between, make one key')
        .argParser((text) => text.split(','))
        .default(['stream'], 'stream'),
    )
    .option('--sequence <path>', 'field of the sequence', 'sequence')
    .option('--epoch <path>', 'field of the epoch')
    .option('--id <path>', 'field of the event id: two ids with one number are a conflict')
    .option(
      '--previous <path>',
      "field of the predecessor's number (default with linked numbering: previous)",
    )
    .addOption(
      new Option('--numbering <kind>', 'how the numbers run')
        .choices(['contiguous', 'increasing', 'linked'])
        .default('contiguous'),
    )
    .addOption(new Option('--modulus <n>', 'so many numbers before the counter wraps').argParser(wholeNumber))
    .addOption(
      new Option('--wraps-to <n>', 'the number to which it wraps (default: 0)').argParser(wholeNumber),
    )
    .addOption(new Option('--format <format>', 'by the extension unless given').choices(['ndjson', 'csv']))
    .addOption(delimiterOption())
    .option('--allow-empty', 'an input without a single event is fine, and no mistake')
}

/** Where the shared flags say to find what. */
export function logFields(flags: LogFlags): RecordedFields & { readonly format?: RecordedFormat } {
  return { ...fieldsFrom(flags), ...(flags.format !== undefined && { format: flags.format }) }
}

/** `--delimiter <character>` of the commands that read CSV. */
export function delimiterOption(): Option {
  return new Option('--delimiter <character>', 'what is between the cells of CSV; tab for a tab').argParser(
    (text) => (text === 'tab' || text === '\\t' ? '\t' : text),
  )
}

function wholeNumber(text: string): number {
  if (/^-?\d+$/.test(text)) return Number(text)
  throw new InvalidArgumentError(`It takes a whole number, not ${text}.`)
}

const mebibyte = 1024 * 1024

/** `--memory <MiB>` of the commands that sort; its value is in bytes. */
export function memoryOption(): Option {
  return new Option('--memory <MiB>', 'memory for sorting; beyond it, sorted runs go to the temporary folder')
    .argParser(bytesOf)
    .default(memoryBytesDefault, String(memoryBytesDefault / mebibyte))
}

function bytesOf(text: string): number {
  return mebibyte * wholeNumberIn(text, { name: '--memory', least: 1, most: 9_999_999, code: 'usage' })
}

// The public API of inturn/audit: what `inturn audit`, `resequence` and `trace` do to a recorded log, as
// functions. No store is needed, and nothing is written but what is asked for.
import { checkFlags, checkNames } from './core/check-names.ts'
import { mapExactNumbers, parseExactly } from './core/exact-number.ts'
import type { Sequence } from './core/sequence.ts'
import { wholeNumber } from './core/whole-number.ts'
import { auditLog } from './recorded/audit-log.ts'
import type { AuditReport } from './recorded/audit-report.ts'
import type { RecordedLog } from './recorded/byte-input.ts'
import { checkOutputs } from './recorded/check-outputs.ts'
import { fileOutlet, LineSink } from './recorded/line-sink.ts'
import { fieldsFrom } from './recorded/recorded-fields.ts'
import type { FieldOptions, RecordedFormat } from './recorded/recorded-fields.ts'
import { resequenceLog } from './recorded/resequence-log.ts'
import type { ResequenceSummary } from './recorded/resequence-log.ts'
import { trace as traceText, traceRules } from './recorded/trace.ts'
import type { TraceRuleOptions } from './recorded/trace.ts'

export type { AuditConflict, AuditGap, AuditReport, StreamTrouble } from './recorded/audit-report.ts'
export type { RecordedLog, RecordedMessage } from './recorded/byte-input.ts'
export type { FieldOptions, RecordedFormat, RecordedNumbering } from './recorded/recorded-fields.ts'
export type { InvalidReason } from './recorded/recorded-line.ts'
export type { ResequenceSummary } from './recorded/resequence-log.ts'
export type { TraceRuleOptions } from './recorded/trace.ts'

const logNames = [
  ...([
    'stream',
    'sequence',
    'epoch',
    'id',
    'previous',
    'arrival',
    'numbering',
    'modulus',
    'wrapsTo',
    'delimiter',
  ] as const),
  ...(['format', 'allowEmpty'] as const),
] satisfies (keyof LogOptions)[]
const wholeLogNames = [
  ...logNames,
  'memoryBytes',
  'threads',
  'onProgress',
] satisfies (keyof WholeLogOptions)[]

/** How a log is read: where in its lines to find what, and in which format they are. */
export interface LogOptions extends FieldOptions {
  /** Of a file, by its extension unless given; messages are JSON. */
  readonly format?: RecordedFormat
  /** `false`: a log without a single event is an error `input-unreadable`. Default `true`. */
  readonly allowEmpty?: boolean
}

/** How a log is read as a whole. */
export interface WholeLogOptions extends LogOptions {
  /** Memory for sorting ids and numbers, beyond which a temporary folder is used; default 512 MiB. */
  readonly memoryBytes?: number
  /** Worker threads that scan a large log; 0 for none. Default: one a processor, at most 8. */
  readonly threads?: number
  /** Called as the reading goes on; the size is known for files only. */
  readonly onProgress?: (bytesRead: number, bytesInAll: number | undefined) => void
}

/** What to audit, and how. */
export interface AuditOptions extends WholeLogOptions {
  /** Where numbers start; `lowest` is the smallest one seen of a stream's epoch. Default `lowest`. */
  readonly start?: Sequence | 'lowest'
  /** How many gaps are listed; default 1000. The totals are exact anyway. */
  readonly gapsMax?: number
  /** How many conflicts are listed, in the order of the log; default 0. The total is exact anyway. */
  readonly conflictsMax?: number
}

/**
 * Audits a recorded log: is it complete, once each, and in order?
 *
 * @throws InturnError `input-unreadable`, or `usage` for fields that make no sense or are not in the CSV
 * @example
 * const report = await audit('events.ndjson', { stream: 'user.id', sequence: 'seq', id: 'event_id' })
 * if (!report.clean) console.log(report.missing, report.gaps)
 */
export async function audit(log: RecordedLog, options: AuditOptions = {}): Promise<AuditReport> {
  const names = [...wholeLogNames, 'start', 'gapsMax', 'conflictsMax'] satisfies (keyof AuditOptions)[]
  checkNames(options, 'audit', names)
  checkWholeLog('audit', options)
  wholeNumber(options.gapsMax ?? 0, { name: 'audit: gapsMax', least: 0 })
  wholeNumber(options.conflictsMax ?? 0, { name: 'audit: conflictsMax', least: 0 })
  return auditLog(log, { ...options, fields: fieldsFrom(options) })
}

/** What to put in order, and where it goes. */
export interface ResequenceOptions extends WholeLogOptions {
  /** The file that is made or overwritten. It can not be the log itself. */
  readonly output: string
  /** A file for invalid and conflicting lines, which are left out otherwise. */
  readonly rejects?: string
}

/**
 * Writes the same lines byte for byte, each stream in order and each number once.
 *
 * @throws InturnError `input-unreadable`, or `usage` for fields that make no sense or are not in the CSV, and
 * for files that cannot be written
 */
export async function resequence(log: RecordedLog, options: ResequenceOptions): Promise<ResequenceSummary> {
  const names = [...wholeLogNames, 'output', 'rejects'] satisfies (keyof ResequenceOptions)[]
  checkNames(options, 'resequence', names)
  checkWholeLog('resequence', options)
  const { output, rejects } = options
  checkOutputs(typeof log === 'string' ? log : '-', [
    { name: 'the output', path: output },
    { name: 'the rejects', path: rejects },
  ])
  return resequenceLog(log, {
    ...options,
    fields: fieldsFrom(options),
    openOutput: () => new LineSink(fileOutlet(output)),
    ...(rejects !== undefined && { openRejects: () => new LineSink(fileOutlet(rejects)) }),
  })
}

/** Which log to replay, and the rules that decide. */
export interface TraceOptions extends LogOptions, TraceRuleOptions {}

/** A decision, with the fields of a line of [`inturn trace`](../docs/commands/trace.md). */
export interface TraceDecision {
  readonly verdict: string
  readonly reason?: string
  /** The line, or the number of the message from 1, that the event or fill came from. */
  readonly line?: number
  readonly stream?: string
  /** Of events, and where it is not 0. */
  readonly epoch?: number
  readonly sequence?: Sequence
  /** `true`: what was decided is a fill. */
  readonly fill?: true
  readonly from?: Sequence | null
  readonly to?: Sequence
  /** With a modulus: the numbers that the rules count with. */
  readonly unwrapped?: Sequence | { readonly from: Sequence | null; readonly to: Sequence }
  /** When a gap was due, in milliseconds since 1970. */
  readonly at?: number | null
  /** How many held events lie behind an open gap. */
  readonly held?: number
}

/**
 * Replays a recorded order of arrival through the rules: every decision, in order.
 *
 * @throws InturnError `input-unreadable`, `usage` or `config-invalid` for options that make no sense
 */
export async function* trace(
  log: RecordedLog,
  options: TraceOptions = {},
): AsyncGenerator<TraceDecision, void, void> {
  const ruleNames = [
    'start',
    'patience',
    'then',
    'heldMax',
    'spanMax',
    'epochSpanMax',
  ] satisfies (keyof TraceRuleOptions)[]
  checkNames(options, 'trace', [...logNames, ...ruleNames])
  const { format, allowEmpty = true } = options
  checkFlags('trace', { allowEmpty })
  const fields = { ...fieldsFrom(options), ...(format !== undefined && { format }) }
  for await (const text of traceText(log, { fields, rules: traceRules(options), allowEmpty })) {
    for (const line of text.split('\n')) if (line !== '') yield decisionFrom(line)
  }
}

/** What the trace prints; numbers that no JavaScript number holds are `bigint`. */
function decisionFrom(line: string): TraceDecision {
  const { value } = parseExactly(line)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- recorded/trace-text.ts wrote it
  return mapExactNumbers(value, (number) => number.valueOf()) as TraceDecision
}

function checkWholeLog(name: string, options: WholeLogOptions): void {
  const { memoryBytes = 1, threads = 0, allowEmpty } = options
  checkFlags(name, { allowEmpty })
  wholeNumber(memoryBytes, { name: `${name}: memoryBytes`, least: 1 })
  wholeNumber(threads, { name: `${name}: threads`, least: 0 })
}

// Audits a recorded log: is it complete, once each, and in order?
import type { AuditOptions, AuditReport } from './audit-report.ts'
import { openInput } from './byte-input.ts'
import type { RecordedLog } from './byte-input.ts'
import { ContiguousAudit } from './contiguous-audit.ts'
import type { EpochRange } from './contiguous-tracks.ts'
import { rowKind } from './line-block.ts'
import { formOf } from './read-recorded-events.ts'
import { checkFields } from './recorded-fields.ts'
import type { RecordedFields, RecordedFormat } from './recorded-fields.ts'
import { invalidReasons } from './recorded-line.ts'
import { scanLog } from './scan-log.ts'
import type { ScannedChunk, ScanOptions } from './scan-log.ts'
import { SortedAudit } from './sorted-audit.ts'
import { StreamKeys } from './stream-keys.ts'
import { TempFolder } from './temp-folder.ts'

/** What to audit, and how. */
export interface LogAudit
  extends AuditOptions, Partial<Pick<ScanOptions, 'threads' | 'chunkBytes' | 'allowEmpty'>> {
  readonly fields: RecordedFields
  /** By the path's extension unless given. */
  readonly format?: RecordedFormat
  /** Called at the end with what was seen of contiguous numbers, by stream and epoch. */
  readonly onRanges?: (report: AuditReport, ranges: Iterable<EpochRange>) => void
  /** Called with the log's bytes as they lie in its file, before they are unpacked. */
  readonly onBytes?: (bytes: Uint8Array) => void
  /** Called as the reading goes on. */
  readonly onProgress?: (bytesRead: number, bytesInAll: number | undefined) => void
}

/**
 * Audits a log: is it complete, once each, and in order?
 *
 * @throws InturnError `input-unreadable`, or `usage` for fields that make no sense or are not in the CSV
 */
export async function auditLog(log: RecordedLog, options: LogAudit): Promise<AuditReport> {
  const { format, ...form } = formOf(log, { format: options.format, delimiter: options.fields.delimiter })
  const fields = { ...checkFields(options.fields), ...form }
  using folder = new TempFolder()
  const audit =
    fields.numbering === 'contiguous'
      ? new ContiguousAudit(fields, options, folder)
      : new SortedAudit(fields, options, folder)
  const keys = new StreamKeys()
  const input = await openInput(log, options.onBytes)
  try {
    const { threads, chunkBytes, allowEmpty } = options
    const scan = {
      fields,
      format,
      ...(threads !== undefined && { threads }),
      ...(chunkBytes !== undefined && { chunkBytes }),
      ...(allowEmpty !== undefined && { allowEmpty }),
    }
    let bytesRead = 0
    for await (const chunk of scanLog(input, scan)) {
      addChunk(audit, keys, chunk)
      bytesRead += chunk.bytes.length
      options.onProgress?.(bytesRead, input.size)
    }
  } finally {
    await input.close()
  }
  audit.finish()
  const report = {
    ...audit.sums.report(keys.keys),
    conflictLines: audit.conflicts.list(keys.keys),
  }
  options.onRanges?.(report, audit instanceof ContiguousAudit ? audit.ranges() : [])
  return report
}

function addChunk(audit: ContiguousAudit | SortedAudit, keys: StreamKeys, chunk: ScannedChunk): void {
  const { block, thread, linesBefore } = chunk
  const { kinds, streams, rowCount } = block
  keys.addKeys(thread, block.newStreams)
  const numbers = keys.numbersOf(thread)
  for (let row = 0; row < rowCount; row++) {
    const kind = kinds[row] ?? 0
    if (kind >= rowKind.invalid) {
      audit.sums.addInvalid(
        linesBefore + (block.lines[row] ?? 0) + 1,
        invalidReasons[kind - rowKind.invalid] ?? 'not-json',
      )
      continue
    }
    const local = streams[row] ?? 0
    const known = (numbers[local] ?? 0) - 1
    audit.add(chunk, row, known < 0 ? keys.numberOf(thread, local) : known)
  }
}

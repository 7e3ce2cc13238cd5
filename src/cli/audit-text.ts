// An audit's report as lines of text, and as the JSON that other programs are written against.
import { width } from '../core/sequence.ts'
import type { AuditReport } from '../recorded/audit-report.ts'
import { grouped, tableLines } from './table.ts'

const gapsShown = 10
const worstShown = 5

/** What is shown on request only. */
interface Shown {
  readonly conflicts: boolean
}

/** The documented keys. */
export function auditJson(report: AuditReport, shown: Shown): object {
  const { worst: _, conflictLines, ...rest } = report
  return shown.conflicts ? { ...rest, conflictLines } : rest
}

/** The report for people. */
export function auditText(name: string, report: AuditReport, shown: Shown): readonly string[] {
  const state = report.clean ? 'clean: complete, once each, in order' : `not clean: ${troublesOf(report)}`
  const parts = [[`${name} is ${state}.`], figuresOf(report)]
  if (report.gaps.length > 0) parts.push(gapsOf(report))
  if (shown.conflicts && report.conflictLines.length > 0) parts.push(conflictsOf(report))
  if (report.worst.length > 0) parts.push(worstOf(report))
  if (report.invalidLines.length > 0) parts.push(invalidOf(report))
  return parts.flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]))
}

function troublesOf(report: AuditReport): string {
  const { duplicates, conflicts, invalid, outOfOrder, missing, forks } = report
  const troubles = {
    missing,
    duplicate: duplicates,
    conflicting: conflicts,
    forked: forks,
    invalid,
    'out of order': outOfOrder,
  }
  const present = Object.entries(troubles).filter(([, count]) => count > 0)
  return present.map(([name, count]) => `${grouped(count)} ${name}`).join(', ')
}

function figuresOf(report: AuditReport): readonly string[] {
  const { filled, gapCount, reorderExtentMax } = report
  const rows: [string, number | bigint, string][] = [
    ['events', report.events, 'lines that are not blank'],
    ['streams', report.streams, ''],
    ['unique', report.unique, 'first copies'],
    ['duplicates', report.duplicates, 'further copies of a number'],
    ['conflicts', report.conflicts, 'copies with another id, or of a filled number'],
    ['invalid', report.invalid, 'lines that are no event'],
    ['fills', report.fills, `lines that burn numbers; ${grouped(filled)} numbers filled`],
    ['missing', report.missing, `numbers, in ${grouped(gapCount)} gaps`],
    ['out of order', report.outOfOrder, `events, at most ${grouped(reorderExtentMax)} late (RFC 4737)`],
  ]
  if (report.forks > 0) rows.push(['forks', report.forks, 'events whose predecessor has another successor'])
  return tableLines(['', 'count', ''], rows)
}

function gapsOf({ gaps, gapCount }: AuditReport): readonly string[] {
  const shown = gaps.slice(0, gapsShown)
  const rows = shown.map(({ stream, epoch, from, to }) => {
    return [stream, String(epoch), String(from), String(to), width(from, to)]
  })
  const title = gapCount > shown.length ? `Gaps, the first ${shown.length} of ${grouped(gapCount)}` : 'Gaps'
  return [title, ...tableLines(['stream', 'epoch', 'from', 'to', 'numbers'], rows)]
}

function conflictsOf({ conflictLines, conflicts }: AuditReport): readonly string[] {
  const rows = conflictLines.map(({ stream, epoch, sequence, line, id, first }) => {
    const firstId = first.fill === true ? 'a fill' : first.id
    return [stream, String(epoch), String(sequence), first.line, firstId, line, id]
  })
  const isCut = conflicts > rows.length
  const title = isCut ? `Conflicts, the first ${grouped(rows.length)} of ${grouped(conflicts)}` : 'Conflicts'
  const head = ['stream', 'epoch', 'sequence', 'first line', 'first id', 'line', 'id']
  return [title, ...tableLines(head, rows)]
}

function worstOf({ worst }: AuditReport): readonly string[] {
  const rows = worst.slice(0, worstShown).map(({ stream, missing, duplicates, conflicts, outOfOrder }) => {
    return [stream, missing, duplicates, conflicts, outOfOrder]
  })
  const head = ['stream', 'missing', 'duplicates', 'conflicts', 'out of order']
  return ['Streams with the most trouble', ...tableLines(head, rows)]
}

function invalidOf({ invalidLines, invalid }: AuditReport): readonly string[] {
  const rows = invalidLines.map(({ line, reason }) => [line, reason])
  const isCut = invalid > rows.length
  const title = isCut ? `Invalid lines, the first ${rows.length} of ${grouped(invalid)}` : 'Invalid lines'
  return [title, ...tableLines(['line', 'reason'], rows)]
}

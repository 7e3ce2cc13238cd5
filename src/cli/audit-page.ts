// The audit as one page that needs nothing else: figures, strips that show where in a stream's number range
// something is wrong, tables, and how the page was made. Whatever comes from the log is escaped, and the
// page lets no script run but its own.
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { InturnError } from '../core/errors.ts'
import { width } from '../core/sequence.ts'
import { errorCode, errorMessage } from '../core/thrown.ts'
import { auditLog } from '../recorded/audit-log.ts'
import type { LogAudit } from '../recorded/audit-log.ts'
import type { AuditReport } from '../recorded/audit-report.ts'
import { TroublePicture } from '../recorded/trouble-picture.ts'
import { cannotWrite } from '../recorded/write-all.ts'
import { auditPageScript, auditPageStyle } from './audit-page-assets.ts'
import { pictureSection } from './audit-page-picture.ts'
import { escaped, nameOf } from './audit-page-text.ts'
import { ownVersion } from './own-version.ts'
import { grouped } from './table.ts'

/** How many rows a table of the page has at most. */
const rowsMax = 200
/** Columns of text; the others hold numbers. */
const textColumns = new Set(['stream', 'first id', 'id', 'reason'])

/** Where a page is written, and what it says of how it was made. */
export interface AuditPage {
  readonly path: string
  /** The command as it was given. */
  readonly command: readonly string[]
}

/** The log as it was read. */
interface Input {
  readonly name: string
  readonly bytes: number
  /** SHA-256 of its bytes, in hexadecimal. */
  readonly digest: string
}

/**
 * Audits a log and writes the page.
 *
 * @throws InturnError `usage` if the page cannot be written
 */
export async function auditToPage(file: string, options: LogAudit, page: AuditPage): Promise<AuditReport> {
  const picture = new TroublePicture()
  const hash = createHash('sha256')
  let bytes = 0
  const onBytes = (chunk: Uint8Array): void => {
    hash.update(chunk)
    bytes += chunk.length
  }
  const marks = { onTrouble: picture.mark, onRanges: picture.draw }
  const report = await auditLog(file, { ...options, ...marks, onBytes })
  const name = file === '-' ? 'standard input' : file
  const sections = [
    figures(report),
    pictureSection(picture),
    worst(report),
    conflicts(report),
    gaps(report),
    invalidLines(report),
    madeFrom({ name, bytes, digest: hash.digest('hex') }, options, page.command),
  ]
  writePage(page.path, documentOf(name, report, sections.join('\n')))
  return report
}

function documentOf(name: string, report: AuditReport, content: string): string {
  const state = report.clean ? 'Complete, once each, in order' : 'Not clean'
  const scriptHash = createHash('sha256').update(auditPageScript).digest('base64')
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${scriptHash}'`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Audit of ${nameOf(name)}</title>
<style>${auditPageStyle}</style>
</head>
<body>
<main>
<header>
<p class="state ${report.clean ? 'clean' : 'troubled'}">${state}</p>
<h1>${nameOf(name)}</h1>
<p class="sub">${grouped(report.events)} events of ${grouped(report.streams)} streams</p>
</header>
${content}
</main>
<script>${auditPageScript}</script>
</body>
</html>
`
}

function figures(report: AuditReport): string {
  const cells: [string, number | bigint, string, boolean][] = [
    ['unique', report.unique, 'first copies', false],
    ['missing', report.missing, `numbers in ${grouped(report.gapCount)} gaps`, true],
    ['duplicates', report.duplicates, 'further copies', true],
    ['conflicts', report.conflicts, 'one number, two events', true],
    ['out of order', report.outOfOrder, `at most ${grouped(report.reorderExtentMax)} late`, true],
    ['invalid', report.invalid, 'lines that are no event', true],
    ['filled', report.filled, `numbers burned by ${grouped(report.fills)} fills`, false],
  ]
  if (report.forks > 0) cells.push(['forks', report.forks, 'second successors', true])
  const items = cells.map(([label, count, note, isTrouble]) => {
    const tone = isTrouble && count > 0 ? ' class="bad"' : ''
    return `<div${tone}><dt>${label}</dt><dd>${grouped(count)}</dd><dd class="note">${note}</dd></div>`
  })
  return `<dl class="figures">${items.join('\n')}</dl>`
}

function worst({ worst: troubles }: AuditReport): string {
  const rows = troubles.map((trouble) => [
    nameOf(trouble.stream),
    ...[trouble.missing, trouble.duplicates, trouble.conflicts, trouble.outOfOrder].map(grouped),
  ])
  const head = ['stream', 'missing', 'duplicates', 'conflicts', 'out of order']
  return tableSection('The streams with the most trouble', head, rows)
}

function conflicts(report: AuditReport): string {
  const shown = report.conflictLines.slice(0, rowsMax)
  const rows = shown.map(({ stream, epoch, sequence, line, id, first }) => {
    const firstId = first.fill === true ? 'a fill' : idOf(first.id)
    return [
      nameOf(stream),
      String(epoch),
      grouped(sequence),
      grouped(first.line),
      firstId,
      grouped(line),
      idOf(id),
    ]
  })
  const title = titleOf('Conflicts', rows.length, report.conflicts)
  const head = ['stream', 'epoch', 'sequence', 'first line', 'first id', 'line', 'id']
  return tableSection(title, head, rows)
}

function idOf(id: string | undefined): string {
  return id === undefined ? 'none' : nameOf(id)
}

function gaps(report: AuditReport): string {
  const shown = report.gaps.slice(0, rowsMax)
  const rows = shown.map(({ stream, epoch, from, to }) => {
    return [nameOf(stream), String(epoch), grouped(from), grouped(to), grouped(width(from, to))]
  })
  const title = titleOf('Gaps', rows.length, report.gapCount)
  return tableSection(title, ['stream', 'epoch', 'from', 'to', 'missing'], rows)
}

function invalidLines(report: AuditReport): string {
  const rows = report.invalidLines.map(({ line, reason }) => [reason, grouped(line)])
  return tableSection(titleOf('Invalid lines', rows.length, report.invalid), ['reason', 'line'], rows)
}

function titleOf(name: string, shown: number, all: number): string {
  return shown < all ? `${name}: the first ${grouped(shown)} of ${grouped(all)}` : name
}

/** A table with its title, or nothing without rows; cells are HTML already. */
function tableSection(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ''
  const kinds = head.map((cell) => (textColumns.has(cell) ? ' class="text"' : ''))
  const heads = head.map((cell, column) => `<th scope="col"${kinds[column] ?? ''}>${cell}</th>`).join('')
  const lines = rows.map((row) =>
    row.map((cell, column) => `<td${kinds[column] ?? ''}>${cell}</td>`).join(''),
  )
  const body = lines.map((cells) => `<tr>${cells}</tr>`).join('\n')
  const table = `<table><thead><tr>${heads}</tr></thead><tbody>${body}</tbody></table>`
  return `<section><h2>${title}</h2><div class="scroll" tabindex="0">${table}</div></section>`
}

function madeFrom(input: Input, options: LogAudit, command: readonly string[]): string {
  const { stream, sequence, epoch, id, previous, numbering } = options.fields
  const paths = { stream: stream.join(','), sequence, epoch, id, previous }
  const fields = Object.entries(paths).flatMap(([name, path]) =>
    path === undefined ? [] : `${name} ${path}`,
  )
  const rows: [string, string][] = [
    ['log', input.name],
    ['length', `${grouped(input.bytes)} bytes`],
    ['SHA-256', input.digest],
    ['command', command.map(shellWord).join(' ')],
    ['fields', fields.join(', ')],
    ['numbering', `${numbering}, from ${options.start ?? 'lowest'}`],
    ['made', `${new Date().toISOString()}, by inturn ${ownVersion()}`],
  ]
  const items = rows.map(([name, value]) => `<div><dt>${name}</dt><dd>${escaped(value)}</dd></div>`)
  return `<section><h2>How this page was made</h2><dl class="made">${items.join('\n')}</dl></section>`
}

function shellWord(word: string): string {
  return /^[\w./:,=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}

function writePage(path: string, text: string): void {
  try {
    writeFileSync(path, text)
  } catch (error) {
    if (errorCode(error) === 'ENOSPC') throw cannotWrite(path, error)
    const because = errorMessage(error)
    throw new InturnError('usage', `Cannot write the page ${path}: ${because}`, { cause: error })
  }
}

// The audit as one page that needs nothing else: figures, the worst streams, and strips that show where in a
// stream's number range something is missing, doubled or out of order. Whatever comes from the log is
// escaped.
import { writeFileSync } from 'node:fs'
import { InturnError } from '../core/errors.ts'
import { width } from '../core/sequence.ts'
import { errorMessage } from '../core/thrown.ts'
import { auditLog } from '../recorded/audit-log.ts'
import type { LogAudit } from '../recorded/audit-log.ts'
import type { AuditReport } from '../recorded/audit-report.ts'
import { TroublePicture } from '../recorded/trouble-picture.ts'
import type { TroubleBin, TroubleStrip } from '../recorded/trouble-picture.ts'
import { auditPageStyle } from './audit-page-style.ts'

const gapsShown = 50
const lanes = [
  { kind: 'missing', top: 0, height: 12 },
  { kind: 'repeated', top: 14, height: 6 },
  { kind: 'reordered', top: 22, height: 6 },
] as const

/**
 * Audits a log and writes the page.
 *
 * @throws InturnError `usage` if the page cannot be written
 */
export async function auditToPage(file: string, options: LogAudit, path: string): Promise<AuditReport> {
  const picture = new TroublePicture()
  const report = await auditLog(file, { ...options, onTrouble: picture.mark, onRanges: picture.draw })
  writePage(path, auditPage(file === '-' ? 'standard input' : file, report, picture.strips))
  return report
}

/** The page's text. */
function auditPage(name: string, report: AuditReport, strips: readonly TroubleStrip[]): string {
  const state = report.clean ? 'Complete, once each, in order' : 'Not clean'
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Audit of ${escaped(name)}</title>
<style>${auditPageStyle}</style>
</head>
<body>
<main>
<header>
<p class="state ${report.clean ? 'clean' : 'troubled'}">${state}</p>
<h1>${escaped(name)}</h1>
<p class="sub">${figure(report.events)} lines of ${figure(report.streams)} streams, audited by inturn</p>
</header>
${figures(report)}
${strips.length > 0 ? picture(strips) : ''}
${report.worst.length > 0 ? worst(report) : ''}
${report.gaps.length > 0 ? gaps(report) : ''}
${report.invalidLines.length > 0 ? invalidLines(report) : ''}
</main>
</body>
</html>
`
}

function figures(report: AuditReport): string {
  const cells: [string, number | bigint, string, boolean][] = [
    ['unique', report.unique, 'first copies', false],
    ['missing', report.missing, `numbers in ${figure(report.gapCount)} gaps`, true],
    ['duplicates', report.duplicates, 'further copies', true],
    ['conflicts', report.conflicts, 'one number, two events', true],
    ['out of order', report.outOfOrder, `at most ${figure(report.reorderExtentMax)} late`, true],
    ['invalid', report.invalid, 'lines that are no event', true],
    ['filled', report.filled, `numbers burned by ${figure(report.fills)} fills`, false],
  ]
  if (report.forks > 0) cells.push(['forks', report.forks, 'second successors', true])
  const items = cells.map(([label, count, note, isTrouble]) => {
    const tone = isTrouble && count > 0 ? ' class="bad"' : ''
    return `<div${tone}><dt>${label}</dt><dd>${figure(count)}</dd><p>${note}</p></div>`
  })
  return `<dl>${items.join('\n')}</dl>`
}

function picture(strips: readonly TroubleStrip[]): string {
  const key = `<p class="key"><i class="missing"></i>missing <i class="repeated"></i>doubled
<i class="reordered"></i>out of order</p>`
  return `<section><h2>Where the trouble is</h2>${key}${strips.map(stripSection).join('\n')}</section>`
}

function stripSection({ trouble, epoch, low, high, bins }: TroubleStrip): string {
  const rects = lanes.map((lane) => laneOf(bins, lane)).join('')
  const ground = lanes.map(
    ({ top, height }) => `<rect class="ground" y="${top}" width="240" height="${height}"/>`,
  )
  const name = `${escaped(trouble.stream)}${epoch === 0 ? '' : ` <small>epoch ${epoch}</small>`}`
  return `<figure><figcaption>${name}</figcaption>
<svg viewBox="0 0 240 28" preserveAspectRatio="none" role="img" aria-label="Trouble from ${low} to ${high}">
${ground.join('')}${rects}</svg>
<p class="range"><span>${low}</span><span>${high}</span></p></figure>`
}

function laneOf(bins: readonly TroubleBin[], { kind, top, height }: (typeof lanes)[number]): string {
  const rects = bins.map((bin, index) => {
    const share = bin[kind]
    if (share === 0) return ''
    const opacity = Math.min(1, 0.35 + 0.65 * share).toFixed(2)
    const title = `${kind}: ${Math.ceil(share * 100)} % of these numbers`
    const place = `x="${index}" y="${top}" width="1" height="${height}"`
    return `<rect class="${kind}" ${place} opacity="${opacity}"><title>${title}</title></rect>`
  })
  return rects.join('')
}

function worst({ worst: troubles }: AuditReport): string {
  const rows = troubles.map((trouble) => [
    escaped(trouble.stream),
    ...[trouble.missing, trouble.duplicates, trouble.conflicts, trouble.outOfOrder].map(figure),
  ])
  const head = ['stream', 'missing', 'duplicates', 'conflicts', 'out of order']
  return `<section><h2>Streams with the most trouble</h2>${tableOf(head, rows)}</section>`
}

function gaps(report: AuditReport): string {
  const shown = report.gaps.slice(0, gapsShown)
  const rows = shown.map(({ stream, epoch, from, to }) => {
    return [escaped(stream), String(epoch), String(from), String(to), figure(width(from, to))]
  })
  const title =
    report.gapCount > shown.length ? `Gaps, the first ${shown.length} of ${figure(report.gapCount)}` : 'Gaps'
  return `<section><h2>${title}</h2>${tableOf(['stream', 'epoch', 'from', 'to', 'numbers'], rows)}</section>`
}

function invalidLines(report: AuditReport): string {
  const rows = report.invalidLines.map(({ line, reason }) => [reason, figure(line)])
  const isCut = report.invalid > rows.length
  const title = isCut
    ? `Invalid lines, the first ${rows.length} of ${figure(report.invalid)}`
    : 'Invalid lines'
  return `<section><h2>${title}</h2>${tableOf(['reason', 'line'], rows)}</section>`
}

/** A table; its cells are HTML already. */
function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[], tag: string): string => {
    return `<tr>${row.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`
  }
  const body = rows.map((row) => cells(row, 'td')).join('\n')
  return `<div class="scroll"><table><thead>${cells(head, 'th')}</thead><tbody>${body}</tbody></table></div>`
}

function figure(count: number | bigint): string {
  return count.toLocaleString('en-US')
}

function escaped(text: string): string {
  return text
    .replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, '\u{fffd}')
}

function writePage(path: string, text: string): void {
  try {
    writeFileSync(path, text)
  } catch (error) {
    const because = errorMessage(error)
    throw new InturnError('usage', `Cannot write the page ${path}: ${because}`, { cause: error })
  }
}

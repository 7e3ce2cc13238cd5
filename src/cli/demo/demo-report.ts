// What the demo says at its end: what was thrown at the worker, and what the database proves.
import { styleText } from 'node:util'
import { streamPath } from '../../core/stream-path.ts'
import { grouped } from '../table.ts'
import { demoConsumer, demoDomain } from './broker-messages.ts'
import { accountName } from './event-log.ts'
import type { DemoResult } from './run-demo.ts'

/** The report of a demo, line by line. */
export function demoReport(result: DemoResult): readonly string[] {
  return ['', ...thrownLines(result), '', ...provenLines(result), '', verdictLine(result), '']
}

/** How to look at a database that is kept. */
export function keptLines({ database, progress }: DemoResult): readonly string[] {
  return [
    `The database is kept. Look at it:`,
    ...[
      'status',
      'streams --limit 10',
      `explain ${streamPath(demoDomain, accountName(0, progress.streams))}`,
      'verify',
    ].map((command) => `  inturn ${command} --store ${quoted(database)}`),
    '',
  ]
}

function thrownLines({ progress, seconds }: DemoResult): readonly string[] {
  const { events, streams, arrivals, faults, healed, kills, redelivered, worker } = progress
  const row = (count: number, what: string): string => `  ${grouped(count).padStart(8)}  ${what}`
  return [
    bold(`What the worker had to cope with (${seconds} s)`),
    row(events, `events of ${grouped(streams)} streams were produced`),
    row(arrivals, 'deliveries arrived, among them'),
    row(faults.duplicated, 'duplicates'),
    row(faults.reordered + faults.delayed, `out of order, ${grouped(faults.delayed)} of them very late`),
    row(
      faults.dropped,
      `were dropped on the way; the healer sent ${grouped(healed)} from the producer's log`,
    ),
    row(kills, 'time the worker was killed in the middle (SIGKILL) and started again;'),
    row(redelivered, 'deliveries came again because of that'),
    ...(worker === 'failed' ? ['  The worker ended by itself.'] : []),
  ]
}

function provenLines({ proof, progress, verification }: DemoResult): readonly string[] {
  const { rows, repeated, missing, outOfTurn, wrongBalances, accounts } = proof
  const isBalanced = verification.isBalanced && verification.unsettled.length === 0
  return [
    bold('What the database proves'),
    line(
      outOfTurn === 0 && accounts === progress.streams,
      `in turn        the rows of each of ${grouped(accounts)} streams are 1, 2, 3 ... in commit order`,
    ),
    line(
      missing === 0,
      `complete       ${grouped(progress.events)} events, ${grouped(missing)} without a row`,
    ),
    line(
      repeated === 0 && rows === progress.events,
      `exactly once   ${grouped(rows)} rows, ${grouped(repeated)} of them a second time`,
    ),
    line(
      wrongBalances === 0 && accounts === progress.streams,
      `right          every balance is what the producer's log says`,
    ),
    line(
      isBalanced,
      `accounted for  positions, accounts and deliveries add up (inturn verify, consumer ${demoConsumer})`,
    ),
  ]
}

function verdictLine({ isProven }: DemoResult): string {
  return isProven
    ? styleText(['green', 'bold'], 'Every event, in turn, exactly once.')
    : styleText(['red', 'bold'], 'The demo failed: not every event had its effect in turn, exactly once.')
}

function line(isRight: boolean, text: string): string {
  return `  ${isRight ? styleText('green', '✓') : styleText('red', '✗')} ${text}`
}

function bold(text: string): string {
  return styleText('bold', text)
}

function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

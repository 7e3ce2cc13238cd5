// `inturn demo`: the real thing on SQLite, with everything that can go wrong on the way, and the proof that
// it did not matter. Exit 1 if the database does not prove it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { demoReport, keptLines } from './demo/demo-report.ts'
import type { DemoView } from './demo/demo-view.ts'
import { PlainView, silentView, TerminalView } from './demo/demo-view.ts'
import type { DemoResult } from './demo/run-demo.ts'
import { runDemo } from './demo/run-demo.ts'
import { printJson, printLines } from './print.ts'
import { say } from './say.ts'
import { grouped } from './table.ts'
import { wholeNumberOption } from './whole-number.ts'

interface DemoFlags {
  readonly events: number
  readonly streams: number
  readonly seed: number
  readonly spread: number
  readonly keep?: boolean
  readonly json?: boolean
}

/** The command `inturn demo`. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('see it work: a bad network, a killed worker, and the proof of order and exactly-once')
    .addOption(wholeNumberOption('--events <n>', 'how many events', 1, 1_000_000).default(20_000))
    .addOption(wholeNumberOption('--streams <n>', 'how many streams', 1, 100_000).default(200))
    .addOption(
      wholeNumberOption(
        '--seed <n>',
        'what chance does: the same seed, the same events and faults',
        0,
        2 ** 31,
      ).default(1),
    )
    .addOption(
      wholeNumberOption('--spread <seconds>', 'how long the deliveries are spread over', 0, 600).default(10),
    )
    .option('--keep', 'keep the database, and say how to look at it')
    .option('--json', 'for machines')
    .action(demo)
}

async function demo(flags: DemoFlags): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'inturn-demo-'))
  const stop = new AbortController()
  const onSignal = (): void => stop.abort()
  process.once('SIGINT', onSignal)
  process.once('SIGTERM', onSignal)
  try {
    const result = await watch(flags, folder, stop.signal)
    if (stop.signal.aborted) {
      say('the demo was interrupted')
      process.exitCode = 1
      return
    }
    process.exitCode = result.isProven ? 0 : 1
    if (flags.json === true) await printJson(result)
    else await printLines([...demoReport(result), ...(flags.keep === true ? keptLines(result) : [])])
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
    if (flags.keep !== true) rmSync(folder, { recursive: true, force: true })
  }
}

async function watch(flags: DemoFlags, folder: string, signal: AbortSignal): Promise<DemoResult> {
  const { seed, spread, json } = flags
  const [streams, events] = [Math.min(flags.streams, flags.events), flags.events]
  const view = viewFor(json === true)
  if (json !== true) {
    const size = `${grouped(events)} events of ${grouped(streams)} streams`
    const line = `inturn demo: ${size} through a bad network into SQLite, in turn, exactly once`
    if (process.stderr.isTTY) process.stderr.write(`\n${line}\n\n`)
    else await printLines([line])
  }
  const options = { events, streams, seed, folder, spreadMs: spread * 1_000 }
  const result = await runDemo(options, (progress) => view.show(progress), signal)
  view.end()
  return result
}

function viewFor(isForMachines: boolean): DemoView {
  if (process.stderr.isTTY) return new TerminalView()
  return isForMachines ? silentView : new PlainView()
}

// `inturn run`: the worker of a configuration. The first SIGTERM or SIGINT drains and stops it, a second one
// stops it at once; killing it is safe too, that is what the engine is for.
import { Command, Option } from 'commander'
import type { RunEnd } from '../engine/standing-streams.ts'
import { createWorker } from '../engine/worker.ts'
import type { RunOptions } from '../engine/worker.ts'
import { loadConfig } from './load-config.ts'
import { reportedBy, RunReport } from './run-report.ts'
import { sayJson } from './say.ts'
import { lastWordMs, stopOnSignals } from './stop-on-signals.ts'
import { grouped } from './table.ts'

interface RunFlags {
  readonly config?: string
  readonly until?: 'caught-up'
  readonly log: 'text' | 'json'
}

/** The command `inturn run`. */
export function runCommand(): Command {
  return new Command('run')
    .description('run the worker of a configuration until it is stopped')
    .option('--config <file>', 'the configuration (default: inturn.config.ts)')
    .addOption(
      new Option(
        '--until <end>',
        'caught-up: end once the source is read and all that can be delivered is',
      ).choices(['caught-up']),
    )
    .addOption(
      new Option('--log <form>', 'how it says what happens, on standard error')
        .choices(['text', 'json'])
        .default('text'),
    )
    .action(async (flags: RunFlags) => {
      if (flags.log === 'json') sayJson()
      await runWorker(flags)
      // What a configuration opened (a pool, a client) must not keep a worker alive that has ended.
      setTimeout(() => process.exit(), lastWordMs).unref()
    })
}

async function runWorker({ config: file, until }: RunFlags): Promise<void> {
  const { config } = await loadConfig(file)
  const report = new RunReport({ log: config.log })
  const worker = createWorker(reportedBy(report, config))
  report.started({ consumer: config.consumer, store: config.store.name, source: config.source.name })
  const options: RunOptions = until === undefined ? {} : { until }
  const forget = stopOnSignals(worker, report)
  try {
    const end = await worker.run(options)
    report.say(`ended after ${report.summary()}`)
    if (end.standingCount > 0) sayStanding(report, end)
  } catch (error) {
    report.say(`ended by an error after ${report.summary()}`)
    throw error
  } finally {
    forget()
  }
}

const standingMax = 10

/** Says which streams did not come to their end, and has the command end with 1. */
function sayStanding(report: RunReport, { standing, standingCount }: RunEnd): void {
  process.exitCode = 1
  const many = standingCount === 1 ? '1 stream stands' : `${grouped(standingCount)} streams stand`
  report.say(`${many} still (inturn status, inturn explain):`)
  for (const { stream, why, reason } of standing.slice(0, standingMax)) {
    report.say(`  ${stream}: ${why}${reason === undefined ? '' : `, ${reason}`}`)
  }
  if (standingCount > standingMax) report.say(`  ... and ${grouped(standingCount - standingMax)} more`)
}

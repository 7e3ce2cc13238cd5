// `inturn run`: the worker of a configuration. The first SIGTERM or SIGINT drains and stops it, a second one
// stops it at once; killing it is safe too, that is what the engine is for.
import { Command, Option } from 'commander'
import { createWorker } from '../engine/worker.ts'
import type { RunOptions } from '../engine/worker.ts'
import type { EngineNews } from '../ports/telemetry.ts'
import { loadConfig } from './load-config.ts'
import { RunReport } from './run-report.ts'
import { lastWordMs, stopOnSignals } from './stop-on-signals.ts'

interface RunFlags {
  readonly config?: string
  readonly until?: 'caught-up'
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
    .action(async (flags: RunFlags) => {
      await runWorker(flags)
      // What a configuration opened (a pool, a client) must not keep a worker alive that has ended.
      setTimeout(() => process.exit(), lastWordMs).unref()
    })
}

async function runWorker({ config: file, until }: RunFlags): Promise<void> {
  const { config } = await loadConfig(file)
  const report = new RunReport()
  const telemetry = (news: EngineNews): void => {
    report.tell(news)
    config.telemetry?.(news)
  }
  const worker = createWorker({ ...config, telemetry })
  report.started({ consumer: config.consumer, store: config.store.name, source: config.source.name })
  const options: RunOptions = until === undefined ? {} : { until }
  const forget = stopOnSignals(worker, report)
  try {
    await worker.run(options)
    report.say(`ended after ${report.summary()}`)
  } catch (error) {
    report.say(`ended by an error after ${report.summary()}`)
    throw error
  } finally {
    forget()
  }
}

// `inturn relay`: sends what is appended to an event log. The first SIGTERM or SIGINT finishes the batch in
// hand, a second one gives it up; killing it is safe too, what was in hand is sent again.
import { Command, Option } from 'commander'
import { createRelay } from '../producer/relay.ts'
import type { RelayRunOptions } from '../producer/relay.ts'
import type { RelayNews } from '../producer/relay/relay-news.ts'
import { loadRelay } from './load-relay.ts'
import { RelayReport } from './relay-report.ts'
import { lastWordMs, stopOnSignals } from './stop-on-signals.ts'

interface RelayFlags {
  readonly config?: string
  readonly until?: 'caught-up'
}

/** The command `inturn relay`. */
export function relayCommand(): Command {
  return new Command('relay')
    .description('send what is appended to an event log, until it is stopped')
    .option('--config <file>', 'the configuration of the relay (default: inturn.relay.ts)')
    .addOption(
      new Option('--until <end>', 'caught-up: end once nothing of the log is unsent').choices(['caught-up']),
    )
    .action(async (flags: RelayFlags) => {
      await runRelay(flags)
      // What a configuration opened (a pool, a client) must not keep a relay alive that has ended.
      setTimeout(() => process.exit(), lastWordMs).unref()
    })
}

async function runRelay({ config: file, until }: RelayFlags): Promise<void> {
  const options = await loadRelay(file)
  const report = new RelayReport(options.shards ?? 1)
  const telemetry = (news: RelayNews): void => {
    report.tell(news)
    options.telemetry?.(news)
  }
  const relay = createRelay({ ...options, telemetry })
  report.say(`relay ${options.name} sends ${options.log.name} to ${options.sink.name}`)
  const run: RelayRunOptions = until === undefined ? {} : { until }
  const forget = stopOnSignals(relay, report)
  try {
    await relay.run(run)
    report.say(`ended after ${report.summary()}`)
  } catch (error) {
    report.say(`ended by an error after ${report.summary()}`)
    throw error
  } finally {
    await options.log.close()
    forget()
  }
}

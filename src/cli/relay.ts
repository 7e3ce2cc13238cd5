// `inturn relay`: sends what is appended to an event log. The first SIGTERM or SIGINT finishes the batch in
// hand, a second one gives it up; killing it is safe too, what was in hand is sent again.
import { Command, Option } from 'commander'
import { InturnError } from '../core/errors.ts'
import { isRecord } from '../core/parse-message.ts'
import type { RelayNews } from '../ports/relay-news.ts'
import { createRelay } from '../producer/relay.ts'
import type { RelayRunOptions } from '../producer/relay.ts'
import type { RelayOptions } from '../producer/relay/relay-parts.ts'
import { loadDefault } from './load-config.ts'
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
  const report = new RelayReport(options)
  const told = (news: RelayNews): void => report.tell(news)
  const { telemetry = [], logger = false } = options
  // A failure is said once: by a logger of the configuration, or else by the report.
  const relay = createRelay({ ...options, logger, telemetry: [told, telemetry].flat() })
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

/** Where it is looked for when none is named, in this order. */
const relayNames: readonly string[] = ['ts', 'mts', 'js', 'mjs'].map(
  (extension) => `inturn.relay.${extension}`,
)

/**
 * Loads the options of a relay, which its file exports as default. They are checked when a relay is made of
 * them.
 *
 * @throws InturnError `input-unreadable` for a file that is missing or fails, `config-invalid` when it
 * exports something else
 */
async function loadRelay(named?: string): Promise<RelayOptions> {
  const { file, exported } = await loadDefault(named, relayNames)
  if (isRelayOptions(exported)) return exported
  const message = `${file}: it takes export default defineRelay({ name, log, sink, store })`
  throw new InturnError('config-invalid', message)
}

/** Whether what a relay cannot do without is there; the relay checks the rest when it is made. */
function isRelayOptions(value: unknown): value is RelayOptions {
  if (!isRecord(value)) return false
  const { name, log, sink, store } = value
  return (
    typeof name === 'string' && [log, sink, store].every((port) => typeof port === 'object' && port !== null)
  )
}

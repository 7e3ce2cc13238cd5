// `inturn run`: the worker of a configuration. The first SIGTERM or SIGINT drains and stops it, a second one
// stops it at once; killing it is safe too, that is what the engine is for.
import { Command, Option } from 'commander'
import { durationMs } from '../core/duration.ts'
import { isRecord } from '../core/parse-message.ts'
import type { Config } from '../engine/define-config.ts'
import type { RunEnd } from '../engine/standing-streams.ts'
import { createWorker } from '../engine/worker.ts'
import type { RunOptions } from '../engine/worker.ts'
import { monitor, wedgedAfterDefault } from '../operate/monitor.ts'
import type { TelemetryProvider } from '../ports/telemetry.ts'
import { prometheus } from '../telemetry/prometheus.ts'
import { loadConfig } from './load-config.ts'
import { reportedBy, RunReport } from './run-report.ts'
import { sayJson } from './say.ts'
import type { HttpAddress } from './serve-monitor.ts'
import { httpAddress, serve } from './serve-monitor.ts'
import { lastWordMs, stopOnSignals } from './stop-on-signals.ts'
import { knownDomains } from './store-flags.ts'
import { grouped } from './table.ts'

interface RunFlags {
  readonly config?: string
  readonly until?: 'caught-up'
  readonly log: 'text' | 'json'
  readonly http?: string
  readonly wedgedAfter: string
}

/** How a worker is watched over HTTP. */
interface Monitoring {
  readonly address: HttpAddress
  readonly wedgedAfter: string
  readonly report: RunReport
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
    .option('--http <port>', 'serve /metrics, /healthz and /readyz there (127.0.0.1, or <address>:<port>)')
    .option('--wedged-after <duration>', 'not ready once a stream is stuck for so long', wedgedAfterDefault)
    .action(async (flags: RunFlags) => {
      if (flags.log === 'json') sayJson()
      await runWorker(flags)
      // What a configuration opened (a pool, a client) must not keep a worker alive that has ended.
      setTimeout(() => process.exit(), lastWordMs).unref()
    })
}

async function runWorker({ config: file, until, http, wedgedAfter }: RunFlags): Promise<void> {
  const address = http === undefined ? undefined : httpAddress(http)
  const config = await loadConfig(file)
  const report = new RunReport({ log: config.log })
  const served = address && (await serveMonitor(config, { address, wedgedAfter, report }))
  const worker = createWorker(reportedBy(report, config, served?.metrics))
  report.started({ consumer: config.consumer, store: config.store.about.name, source: config.source.name })
  if (served !== undefined) report.say(`health and metrics are at ${served.url}`)
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
    served?.close()
    forget()
  }
}

/** Serves what is measured of a worker, and says when a probe has another answer than the one before. */
async function serveMonitor(
  config: Config,
  { address, wedgedAfter, report }: Monitoring,
): Promise<Awaited<ReturnType<typeof serve>> & { readonly metrics: TelemetryProvider }> {
  const wedgedMs = durationMs(wedgedAfter, '--wedged-after')
  const { store, consumer } = config
  const metrics = prometheus()
  const answer = monitor({ store, consumer, domains: knownDomains(config), wedgedAfter: wedgedMs, metrics })
  const told = new ToldReadiness((text) => report.say(text))
  const heard = async (request: Request): Promise<Response> => {
    const response = await answer(request)
    if (new URL(request.url).pathname.endsWith('/readyz')) await told.take(response.clone())
    return response
  }
  return { ...(await serve(address, heard)), metrics }
}

/** Says that the work is not done, and why, and that it is done again: once each time, not at every probe. */
class ToldReadiness {
  readonly #say: (text: string) => void
  #wasReady = true

  constructor(say: (text: string) => void) {
    this.#say = say
  }

  async take(response: Response): Promise<void> {
    if (response.ok === this.#wasReady) return
    this.#wasReady = response.ok
    const said: unknown = await response.json()
    const problems = isRecord(said) && Array.isArray(said['problems']) ? said['problems'].map(String) : []
    this.#say(response.ok ? 'ready again' : `not ready: ${problems.join('; ')}`)
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

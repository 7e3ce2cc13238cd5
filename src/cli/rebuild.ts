// Rebuilds from history: a worker under a new consumer name reads what there is from its beginning, and ends
// once it has. Killed, it goes on where it was when it is called again: positions and checkpoint are kept.
import { InturnError } from '../core/errors.ts'
import { spell } from '../core/time-words.ts'
import type { Config } from '../engine/define-config.ts'
import { pastOf } from '../engine/source-to-read.ts'
import { createWorker } from '../engine/worker.ts'
import { shellWord } from '../operate/operator-actions.ts'
import type { Source, SourceExtent, SourceWindow } from '../ports/source.ts'
import type { ConsumerSummary } from '../ports/store-reader.ts'
import type { Store } from '../ports/store.ts'
import { printJson, printLines } from './print.ts'
import { reportedBy, RunReport } from './run-report.ts'
import { stopOnSignals } from './stop-on-signals.ts'
import { grouped } from './table.ts'

/** What to rebuild, and how to say it. */
export interface RebuildRequest {
  readonly config: Config
  /** The name of the consumer that is rebuilt. */
  readonly as: string
  readonly json: boolean
  /** Only this part of the history. */
  readonly window: SourceWindow
  /** The file of the configuration, where it was named: hints name it too. */
  readonly file: string | undefined
}

/**
 * Rebuilds; the exit code is 1 when it was stopped early, or a stream waits for something.
 *
 * @throws InturnError `usage` for the configured consumer's name, `history-unavailable`
 */
export async function rebuild(request: RebuildRequest): Promise<void> {
  const { config, as } = request
  if (as === config.consumer) {
    const message = `--as takes a new name: ${as} is the configured consumer, which goes on undisturbed`
    throw new InturnError('usage', message)
  }
  const past = pastOf(config, request.window)
  const source = past ?? config.source
  const progress = new RebuildProgress(source)
  const report: RunReport = new RunReport({
    progressText: (summary) => progress.text(report.events, summary),
    log: config.log,
  })
  const options = { ...reportedBy(report, config), ...(past !== undefined && { history: past }) }
  const worker = createWorker({ ...options, consumer: as, replay: 'rebuild' })
  report.started({ consumer: as, store: config.store.about.name, source: source.name })
  let isStopped = false
  const stop = async (): Promise<void> => {
    isStopped = true
    await worker.stop()
  }
  const forget = stopOnSignals({ stop, stopNow: () => worker.stopNow() }, report)
  try {
    await worker.run({ until: 'caught-up' })
    progress.end()
    await sayEnd(request, report, isStopped)
  } catch (error) {
    report.say(`ended by an error after ${report.summary()}`)
    throw error
  } finally {
    progress.end()
    forget()
  }
}

async function sayEnd(
  { config, as, json, file }: RebuildRequest,
  report: RunReport,
  isStopped: boolean,
): Promise<void> {
  const { store } = config
  const { streams, held, halted, failing, deadLetters, deliveries } = await summaryOf(store, as)
  report.say(isStopped ? `stopped after ${report.summary()}` : `caught up after ${report.summary()}`)
  const standing = { streams, held, halted, failing, deadLetters, deliveries }
  if (json) await printJson({ consumer: as, isCaughtUp: !isStopped, events: report.events, ...standing })
  else await printLines(standingLines(as, { ...standing, isStopped, file }))
  process.exitCode = isStopped || held + halted + failing > 0 ? 1 : 0
}

/** How the consumer stands; the worker has closed its store. */
async function summaryOf(store: Store, consumer: string): Promise<ConsumerSummary> {
  await store.open()
  try {
    return await store.reader.summary(consumer)
  } finally {
    await store.close()
  }
}

function standingLines(
  consumer: string,
  standing: Pick<
    ConsumerSummary,
    'streams' | 'held' | 'halted' | 'failing' | 'deadLetters' | 'deliveries'
  > & {
    readonly isStopped: boolean
    readonly file: string | undefined
  },
): readonly string[] {
  const { streams, held, halted, failing, deadLetters, deliveries, isStopped, file } = standing
  const config = file === undefined ? '' : ` --config ${shellWord(file)}`
  const where = `${config} --consumer ${shellWord(consumer)}`
  const end = isStopped ? 'was stopped early; the same command goes on from here' : 'is rebuilt'
  const waits = [
    ...(halted === 0 ? [] : [`${grouped(halted)} halted`]),
    ...(failing === 0 ? [] : [`${grouped(failing)} failing`]),
    ...(held === 0 ? [] : [`${grouped(held)} events held`]),
  ]
  return [
    `consumer ${consumer} ${end}: ${grouped(deliveries)} deliveries in ${grouped(streams)} streams`,
    ...(waits.length === 0 ? [] : [`something waits: ${waits.join(', ')} (inturn status${where})`]),
    ...(deadLetters === 0 ? [] : [`dead letters: ${grouped(deadLetters)} (inturn dead${where})`]),
  ]
}

const askEveryMs = 500

/** How far a rebuild has come: events a second, the share that is done, the time that is left. */
class RebuildProgress {
  readonly #startedMs = performance.now()
  readonly #timer: NodeJS.Timeout
  #first: { readonly extent: SourceExtent; readonly atMs: number } | undefined
  #last: SourceExtent | undefined

  constructor(source: Source) {
    this.#timer = setInterval(() => {
      source.extent?.().then(
        (extent) => this.#take(extent),
        () => undefined,
      )
    }, askEveryMs)
    this.#timer.unref()
  }

  text(events: number, summary: string): string {
    const seconds = Math.max(0.001, (performance.now() - this.#startedMs) / 1_000)
    const rate = `${grouped(Math.round(events / seconds))} events/s`
    const [first, last] = [this.#first, this.#last]
    if (first === undefined || last === undefined || last.total === 0) return `${rate}, ${summary}`
    const share = `${Math.floor((100 * last.done) / last.total)} %`
    const gained = last.done - first.extent.done
    const tookMs = performance.now() - first.atMs
    if (gained <= 0) return `${share}, ${rate}, ${summary}`
    const left = spell(((last.total - last.done) * tookMs) / gained)
    return `${share}, ${rate}, ${left} left, ${summary}`
  }

  end(): void {
    clearInterval(this.#timer)
  }

  #take(extent: SourceExtent | undefined): void {
    if (extent === undefined) return
    this.#first ??= { extent, atMs: performance.now() }
    this.#last = extent
  }
}

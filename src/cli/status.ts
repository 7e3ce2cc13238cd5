// `inturn status`: how the consumers of a store are doing: in figures, and which of their streams are not as
// they should be.
import { Command } from 'commander'
import { durationMs } from '../core/duration.ts'
import { momentFrom, spell } from '../core/time-words.ts'
import type { Health, HealthItem } from '../operate/health.ts'
import { readHealth } from '../operate/health.ts'
import type { Readiness } from '../operate/monitor.ts'
import { readinessOf, wedgedAfterDefault } from '../operate/monitor.ts'
import type { ConsumerFigures } from '../operate/read-status.ts'
import { readStatus } from '../operate/read-status.ts'
import { printJson, printLines } from './print.ts'
import { say } from './say.ts'
import { sourceLines, sourceStanding } from './source-standing.ts'
import type { SourceStanding } from './source-standing.ts'
import type { FoundStore, StoreFlags } from './store-flags.ts'
import { addStoreFlags, consumersOf, explainLine, flagsFor, withStore } from './store-flags.ts'
import type { Cell } from './table.ts'
import { grouped, pairLines, tableLines } from './table.ts'

/** The command `inturn status`. */
export function statusCommand(): Command {
  return addStoreFlags(new Command('status'))
    .description('how the consumers of a store are doing: streams, what waits, what failed, who reads')
    .option('--check', 'exit with 1 unless a worker is reading and no stream is stuck for long, for probes')
    .option('--wedged-after <duration>', 'with --check: how long a stream may be stuck', wedgedAfterDefault)
    .action(async (flags: StatusFlags) =>
      withStore(flags, async (found) => {
        const { store } = found
        const wedgedMs = durationMs(flags.wedgedAfter, '--wedged-after')
        const all = await readAll(found)
        const checked = flags.check === true ? all.map((one) => checkedStatus(one, wedgedMs)) : all
        if (flags.check === true) judge(checked)
        if (flags.json === true) return printJson({ store: store.about.name, consumers: checked })
        return printLines(
          all.length === 0
            ? [`${store.about.name} has no consumer yet`]
            : all.flatMap((one, index) => [
                ...(index === 0 ? [] : ['']),
                ...statusLines(one, flagsFor(flags, one.consumer, all)),
              ]),
        )
      }),
    )
}

interface StatusFlags extends StoreFlags {
  readonly check?: boolean
  readonly wedgedAfter: string
}

function checkedStatus(status: ConsumerStatus, wedgedMs: number): ConsumerStatus {
  return { ...status, check: readinessOf(status, status.health, wedgedMs) }
}

/** Has the command end with 1 where a consumer does not do its work, and says why. */
function judge(all: readonly ConsumerStatus[]): void {
  for (const { consumer, check } of all) {
    for (const problem of check?.problems ?? []) say(`${consumer}: ${problem}`, 'error')
  }
  if (all.length === 0 || all.some(({ check }) => check?.isReady === false)) process.exitCode = 1
}

/** A consumer as it is printed. */
type ConsumerStatus = ConsumerFigures & {
  readonly health: Health
  readonly source?: SourceStanding
  readonly check?: Readiness
}
/** Rows that a person reads; machines get {@link readHealth}'s own limit. */
const healthRowsMax = 20

async function readAll({
  store,
  consumer: named,
  known,
  config,
}: FoundStore): Promise<readonly ConsumerStatus[]> {
  const { reader } = store
  const all: ConsumerStatus[] = []
  for (const consumer of await consumersOf(store, named)) {
    const health = await readHealth({ reader, consumer }, known)
    const source = await sourceStanding(config, consumer)
    all.push({ ...(await readStatus(reader, consumer)), health, ...(source !== undefined && { source }) })
  }
  return all
}

function statusLines(figures: ConsumerStatus, flags: StoreFlags): readonly string[] {
  const { now, lastBeatAt, domains, health, source } = figures
  return [
    ...pairLines([
      ['consumer', figures.consumer],
      ['streams', figures.streams],
      ['deliveries', figures.deliveries],
      ['held', figures.held],
      ['in inboxes', figures.handedOver],
      ['halted', figures.halted],
      ['failing', figures.failing],
      ['dead letters', figures.deadLetters],
      ['ledger entries', figures.ledger],
      ['reading', readingWords(figures)],
      ['last beat', lastBeatAt === undefined ? 'never' : momentFrom(lastBeatAt, now)],
    ]),
    ...(domains.length === 0 ? [] : ['']),
    ...tableLines(
      ['domain', 'held', 'in inboxes', ''],
      domains.map(({ domain, held, handedOver, paused }) => [
        domain,
        held,
        handedOver,
        paused ? 'paused' : '',
      ]),
    ),
    ...(source === undefined ? [] : sourceLines(source)),
    ...healthLines(health, now, flags),
  ]
}

function healthLines({ items, total }: Health, now: number, flags: StoreFlags): readonly string[] {
  const shown = items.slice(0, healthRowsMax)
  const [worst] = shown
  if (worst === undefined) return []
  const row = ({ kind, stream, ageMs, attempts, nextAt, detail }: HealthItem): readonly Cell[] => {
    const next = nextAt === undefined ? '' : nextAt <= now ? 'now' : `in ${spell(nextAt - now)}`
    return [kind, stream, spell(ageMs), attempts, next, detail]
  }
  return [
    '',
    ...tableLines(['health', 'stream', 'for', 'attempts', 'next', ''], shown.map(row)),
    ...(total > shown.length ? [`... and ${grouped(total - shown.length)} more`] : []),
    '',
    `What moves one of them: ${explainLine(flags, worst.stream)}`,
  ]
}

function readingWords({ isReading, readingMs }: ConsumerFigures): string {
  const far = readingMs === 0 ? '' : `, ${spell(readingMs)} in all`
  return isReading ? `a worker is reading${far}` : `no worker is reading${far}`
}

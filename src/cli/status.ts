// `inturn status`: how the consumers of a store are doing, in figures.
import { Command } from 'commander'
import type { ConsumerFigures } from '../operate/read-status.ts'
import { readStatus } from '../operate/read-status.ts'
import { momentFrom, spell } from '../operate/time-words.ts'
import type { Store } from '../ports/store.ts'
import { printJson, printLines } from './print.ts'
import type { StoreFlags } from './store-flags.ts'
import { addStoreFlags, consumersOf, withStore } from './store-flags.ts'
import { pairLines, tableLines } from './table.ts'

/** The command `inturn status`. */
export function statusCommand(): Command {
  return addStoreFlags(new Command('status'))
    .description('how the consumers of a store are doing: streams, what waits, what failed, who reads')
    .action(async (flags: StoreFlags) =>
      withStore(flags, async ({ store, consumer }) => {
        const all = await readAll(store, consumer)
        if (flags.json === true) return printJson({ store: store.name, consumers: all })
        return printLines(all.length === 0 ? [`${store.name} has no consumer yet`] : all.flatMap(statusLines))
      }),
    )
}

async function readAll(store: Store, consumer: string | undefined): Promise<readonly ConsumerFigures[]> {
  const consumers = await consumersOf(store, consumer)
  return Promise.all(consumers.map((name) => readStatus(store.reader, name)))
}

function statusLines(figures: ConsumerFigures, index: number): readonly string[] {
  const { now, lastBeatAt, domains } = figures
  return [
    ...(index === 0 ? [] : ['']),
    ...pairLines([
      ['consumer', figures.consumer],
      ['streams', figures.streams],
      ['deliveries', figures.deliveries],
      ['held', figures.held],
      ['handed over', figures.handedOver],
      ['halted', figures.halted],
      ['failing', figures.failing],
      ['dead letters', figures.deadLetters],
      ['ledger entries', figures.ledger],
      ['reading', readingWords(figures)],
      ['last beat', lastBeatAt === undefined ? 'never' : momentFrom(lastBeatAt, now)],
    ]),
    ...(domains.length === 0 ? [] : ['']),
    ...tableLines(
      ['domain', 'held', 'handed over', ''],
      domains.map(({ domain, held, handedOver, paused }) => [
        domain,
        held,
        handedOver,
        paused ? 'paused' : '',
      ]),
    ),
  ]
}

function readingWords({ isReading, readingMs }: ConsumerFigures): string {
  const far = readingMs === 0 ? '' : `, ${spell(readingMs)} in all`
  return isReading ? `a worker is reading${far}` : `no worker is reading${far}`
}

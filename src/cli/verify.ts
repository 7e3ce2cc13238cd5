// `inturn verify`: whether the books of a live store balance. Exit 1 if they do not.
import { Command } from 'commander'
import type { Imbalance, Verification, VerifyProgress } from '../operate/verify.ts'
import { verifyConsumer } from '../operate/verify.ts'
import { printJson, printLines } from './print.ts'
import { ProgressLine } from './progress-line.ts'
import type { StoreFlags } from './store-flags.ts'
import { addStoreFlags, consumersOf, explainLine, flagsFor, withStore } from './store-flags.ts'
import { grouped, tableLines } from './table.ts'

/** The command `inturn verify`. */
export function verifyCommand(): Command {
  return addStoreFlags(new Command('verify'))
    .description('check that positions, accounts, held events, ledger and deliveries of a live store add up')
    .action(async (flags: StoreFlags) =>
      withStore(flags, async ({ store, consumer, known }) => {
        const { reader } = store
        const consumers = await consumersOf(store, consumer)
        const progress = new ProgressLine()
        const results: Verification[] = []
        for (const name of consumers) {
          const result = await verifyConsumer({ reader, consumer: name }, known, {
            onProgress: (news) => progress.show(`${name}: ${progressWords(news)}`),
          })
          results.push(result)
        }
        progress.clear()
        const isBalanced = results.every((result) => result.isBalanced && result.unsettled.length === 0)
        if (!isBalanced) process.exitCode = 1
        if (flags.json === true) return printJson({ store: store.about.name, isBalanced, consumers: results })
        return printLines(
          results.length === 0
            ? ['there is no consumer yet']
            : results.flatMap((one) => resultLines(one, flagsFor(flags, one.consumer, results))),
        )
      }),
    )
}

/** `12,000 of 1,000,000 streams`, or how far it has come beside them. */
function progressWords({ what, count, total }: VerifyProgress): string {
  const named = { records: 'records', streams: 'streams', waiting: 'held events and entries of inboxes' }[
    what
  ]
  const far = total === undefined || total < count ? grouped(count) : `${grouped(count)} of ${grouped(total)}`
  return `${far} ${named}`
}

function resultLines(result: Verification, flags: StoreFlags): readonly string[] {
  const { consumer, streams, deliveries, held, imbalances, unsettled, isBalanced } = result
  const figures = `${grouped(streams)} streams, ${grouped(deliveries)} deliveries, ${grouped(held)} held`
  if (isBalanced && unsettled.length === 0) return [`${consumer}: everything adds up (${figures})`]
  return [
    `${consumer}: ${isBalanced ? 'not everything could be told' : 'IT DOES NOT ADD UP'} (${figures})`,
    ...(imbalances.length === 0 ? [] : ['']),
    ...tableLines(['where', 'check', 'expected', 'found', 'compared'], imbalances.map(row)),
    ...(unsettled.length === 0 ? [] : ['', `changing all the while, verify again: ${unsettled.join(', ')}`]),
    ...(isBalanced ? [] : ['', ...adviceLines(imbalances, flags)]),
  ]
}

/** What is to be done about a store that does not add up. */
function adviceLines(imbalances: readonly Imbalance[], flags: StoreFlags): readonly string[] {
  // What is an orphan belongs to no stream.
  const known = imbalances.find(({ stream, check }) => stream !== undefined && check !== 'orphan')?.stream
  return [
    'It was changed by something else than inturn, was restored in parts, or has met a bug of inturn: keep a',
    'copy of it before anything is mended.',
    ...(known === undefined ? [] : [`Where such a stream stands: ${explainLine(flags, known)}`]),
  ]
}

function row({ stream, domain, check, expected, found, detail }: Imbalance): readonly string[] {
  return [stream ?? `domain ${domain ?? '?'}`, check, expected, found, detail]
}

// `inturn import positions`: brings the positions of an existing tracker, so that its streams go on where
// they stood.
import { Command, Option } from 'commander'
import { InturnError } from '../core/errors.ts'
import type { PositionRow, RefusedRow, UnreadableRow } from '../operate/import-positions.ts'
import { importPositions } from '../operate/import-positions.ts'
import type { RecordedFormat } from '../recorded/recorded-fields.ts'
import { delimiterOption } from './log-flags.ts'
import type { OperatorFlags } from './operator-flags.ts'
import { addOperatorFlags, operatorOf } from './operator-flags.ts'
import type { PositionColumns } from './position-rows.ts'
import { positionRows, redisPositions } from './position-rows.ts'
import { printJson, printLines } from './print.ts'
import type { StoreFlags } from './store-flags.ts'
import { addStoreFlags, withStore } from './store-flags.ts'
import { grouped } from './table.ts'

interface ImportFlags extends StoreFlags, OperatorFlags, PositionColumns {
  readonly format?: RecordedFormat
  readonly redis: string
}

/** How many refused rows are listed; the count stays exact. */
const listedMax = 1_000

/** The command `inturn import`. */
export function importCommand(): Command {
  return new Command('import')
    .description('bring what another system knows into the store')
    .addCommand(positionsCommand())
}

function positionsCommand(): Command {
  return addOperatorFlags(addStoreFlags(new Command('positions')))
    .description('bring the positions of an existing tracker: rows with stream, position and perhaps epoch')
    .argument('<from>', 'a CSV file with a header, or NDJSON; - for standard input; redis:<prefix>* for keys')
    .option('--domain <name>', 'the domain of all rows (default: their column domain)')
    .option('--stream <path>', 'where the stream is', 'stream')
    .option('--position <path>', 'where the last handled number is', 'position')
    .option('--epoch <path>', 'where the epoch is (default: epoch, where there is such a column)')
    .option('--redis <url>', 'the server of redis:<prefix>*', 'redis://localhost:6379')
    .addOption(new Option('--format <format>', 'default: by the extension').choices(['csv', 'ndjson']))
    .addOption(delimiterOption())
    .action(async (file: string, flags: ImportFlags) => {
      const operator = operatorOf(flags)
      await withStore(flags, async ({ store, consumer, known, config }) => {
        if (consumer === undefined) throw new InturnError('usage', 'name the consumer with --consumer')
        await store.open()
        const refused: RefusedRow[] = []
        const onRefused = (row: RefusedRow): void => void (refused.length < listedMax && refused.push(row))
        const target = { store, consumer, domains: known }
        const rows = rowsOf(file, flags)
        const { streamBytesMax } = config ?? {}
        const limits = streamBytesMax === undefined ? {} : { streamBytesMax }
        const summary = await importPositions(target, rows, { ...operator, ...limits, onRefused })
        if (summary.refused > 0) process.exitCode = 1
        if (flags.json === true) return printJson({ consumer, ...summary, refusedRows: refused })
        return printLines(summaryLines(summary, refused))
      })
    })
}

/** The rows of a file, or of a tracker's keys in Redis. */
function rowsOf(from: string, flags: ImportFlags): AsyncIterable<PositionRow | UnreadableRow> {
  if (!from.startsWith('redis:')) return positionRows(from, flags)
  return redisPositions({ url: flags.redis, pattern: from, domain: flags.domain })
}

function summaryLines(
  { imported, refused }: { readonly imported: number; readonly refused: number },
  rows: readonly RefusedRow[],
): readonly string[] {
  const more = refused - rows.length
  return [
    `${grouped(imported)} ${imported === 1 ? 'position' : 'positions'} imported, ${grouped(refused)} refused`,
    ...rows.map(
      ({ origin, stream, why }) => `  ${origin}${stream === undefined ? '' : ` ${stream}`}: ${why}`,
    ),
    ...(more > 0 ? [`  ... and ${grouped(more)} more`] : []),
  ]
}

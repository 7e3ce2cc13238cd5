// `inturn read`: what is in an event log: one stream, or everything in the order in which it was appended;
// and on request what comes next, until it is stopped.
import { Command, Option } from 'commander'
import type { LogStream } from '../core/append-errors.ts'
import { BelowRetention } from '../core/append-errors.ts'
import { InturnError } from '../core/errors.ts'
import type { LoggedEvent } from '../core/logged-event.ts'
import { parseStreamPath, streamPath } from '../core/stream-path.ts'
import { wholeNumberIn } from '../core/whole-number.ts'
import type { EventLog, LogFilter, LogRead, StreamRead } from '../ports/event-log.ts'
import { exactJson, jsonField } from './exact-json.ts'
import { addFindLogFlags, withLog } from './find-log.ts'
import type { FindLogFlags } from './find-log.ts'
import type { ListFlags } from './listing.ts'
import { addLimitFlag, printListing } from './listing.ts'
import { printLines, printNdjson } from './print.ts'
import { shortened } from './printable.ts'
import { streamArgument } from './stream-argument.ts'
import type { Cell } from './table.ts'
import { wholeNumberOption } from './whole-number.ts'

interface ReadFlags extends FindLogFlags, ListFlags {
  readonly all?: true
  readonly from?: number | 'kept'
  readonly to?: number
  readonly backwards?: true
  readonly domain?: string
  readonly type?: string
  readonly follow?: true
}

/** The command `inturn read [stream]`. */
export function readCommand(): Command {
  const from = new Option(
    '--from <n>',
    'from this number (with --all: this place), or kept: the first there is',
  )
  return addLimitFlag(addFindLogFlags(new Command('read')))
    .description('read an event log')
    .argument('[stream]', streamArgument)
    .option('--all', 'every stream, in the order in which events were appended')
    .addOption(
      from.argParser((text) =>
        text === 'kept' ? text : wholeNumberIn(text, { name: '--from', least: 1, code: 'usage' }),
      ),
    )
    .addOption(wholeNumberOption('--to <n>', 'up to this number, included', 1))
    .option('--backwards', 'the last one first')
    .option('--domain <name>', 'with --all: only this domain')
    .option('--type <pattern>', "with --all: only these types, like 'account.*'")
    .option('--follow', 'with --all: go on as events come, until it is stopped')
    .option('--json', 'one line of JSON for each event')
    .action(async (name: string | undefined, flags: ReadFlags) => {
      const stream = checked(name, flags)
      await withLog(flags, true, async (log) => {
        const reading = flags.follow === true ? follow(log, flags) : list(log, stream, flags)
        await reading.catch(sayWhatIsKept)
      })
    })
}

/** @throws what it was given; of what retention removed, with how to read the rest */
function sayWhatIsKept(error: unknown): never {
  if (!(error instanceof BelowRetention)) throw error
  const { message } = error
  throw new InturnError('below-retention', `${message}; --from kept begins with what is there`, {
    cause: error,
  })
}

/** The stream that is asked for; `undefined` for all of them. @throws InturnError `usage` */
function checked(name: string | undefined, flags: ReadFlags): LogStream | undefined {
  const { all, to, backwards, domain, type } = flags
  if ((name === undefined) !== (all === true)) {
    throw new InturnError('usage', 'read takes one stream as <domain>/<stream>, or --all')
  }
  if (all === true && (to !== undefined || backwards === true)) {
    throw new InturnError('usage', '--to and --backwards go with one stream')
  }
  if (all !== true && (domain ?? type ?? flags.follow) !== undefined) {
    throw new InturnError('usage', '--domain, --type and --follow go with --all')
  }
  if (name === undefined) return undefined
  const stream = parseStreamPath(name)
  if (stream !== undefined && stream.stream !== '') return stream
  throw new InturnError('usage', `a stream is <domain>/<stream>, each percent-encoded, not ${name}`)
}

async function list(log: EventLog, stream: LogStream | undefined, flags: ReadFlags): Promise<void> {
  const items = stream === undefined ? log.readAll(allOf(flags)) : log.read({ ...stream, ...rangeOf(flags) })
  const none = stream === undefined ? 'no event is there' : 'no such event is there'
  const head = ['place', 'stream', 'sequence', 'id', 'type', 'time', 'data']
  await printListing({ items, head, row, json, none }, flags)
}

/** Prints what is there and what comes, until it is told to stop, or nobody reads any more. */
async function follow(log: EventLog, flags: ReadFlags): Promise<void> {
  const controller = new AbortController()
  const stop = (): void => controller.abort()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  const events = log.subscribe({ ...allOf(flags), signal: controller.signal })
  if (flags.json === true) await printNdjson(jsonOf(events))
  else await printLines(lines(events))
}

async function* lines(events: AsyncIterable<LoggedEvent>): AsyncGenerator<string, void, void> {
  for await (const event of events) yield row(event).join('  ')
}

function json({ data, ...event }: LoggedEvent): object {
  return { ...event, ...jsonField('data', data) }
}

async function* jsonOf(events: AsyncIterable<LoggedEvent>): AsyncGenerator<object, void, void> {
  for await (const event of events) yield json(event)
}

function allOf({ from, limit, domain, type }: ReadFlags): LogRead {
  const filter: LogFilter = {
    ...(domain !== undefined && { domains: [domain] }),
    ...(type !== undefined && { types: [type] }),
  }
  const after = typeof from === 'number' ? from - 1 : from
  return { ...filter, ...(after !== undefined && { after }), ...(limit !== undefined && { limit }) }
}

function rangeOf({ from, to, backwards, limit }: ReadFlags): Omit<StreamRead, keyof LogStream> {
  return {
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(backwards !== undefined && { backwards }),
    ...(limit !== undefined && { limit }),
  }
}

function row({ place, domain, stream, sequence, id, type, time, data }: LoggedEvent): readonly Cell[] {
  const text = data === undefined ? '' : shortened(exactJson(data), 40)
  return [place, streamPath(domain, stream), sequence, id, type, time, text]
}

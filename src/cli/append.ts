// `inturn append`: the events of a file or of standard input to an event log. What it was stopped in, it may
// be given again: events that are in the log already keep their numbers.
import { Command, Option } from 'commander'
import type { Expected, LogStream } from '../core/append-errors.ts'
import { InturnError } from '../core/errors.ts'
import type { Appended, StreamAppend } from '../core/logged-event.ts'
import { parseStreamPath, streamPath } from '../core/stream-path.ts'
import type { EventLog } from '../ports/event-log.ts'
import { checkNotEmpty, openInput } from '../recorded/byte-input.ts'
import { isBlank, utf8Check } from '../recorded/read-recorded-events.ts'
import { cutAtNewline, recordChunks } from '../recorded/record-chunks.ts'
import { readEventLines } from './event-line.ts'
import type { EventLine } from './event-line.ts'
import { addFindLogFlags, withLog } from './find-log.ts'
import type { FindLogFlags } from './find-log.ts'
import { printLines, printNdjson } from './print.ts'
import { streamArgument } from './stream-argument.ts'
import { grouped } from './table.ts'
import { wholeNumberOption } from './whole-number.ts'

interface AppendFlags extends FindLogFlags {
  readonly stream?: LogStream
  readonly expected?: Expected
  readonly batch: number
  readonly json?: true
  readonly allowEmpty?: true
}

/** What a log takes at once. */
const atOnceMax = 10_000

/** The command `inturn append <file|->`. */
export function appendCommand(): Command {
  return addFindLogFlags(new Command('append'))
    .description('append events to an event log, which numbers them')
    .argument('<file>', 'NDJSON, one event a line, or - for standard input')
    .addOption(new Option('--stream <path>', `all of them to ${streamArgument}`).argParser(streamOf))
    .addOption(
      new Option(
        '--expected <position>',
        'the last number of the stream, none or any: all events are appended at once, or none is',
      ).argParser(expectedOf),
    )
    .addOption(wholeNumberOption('--batch <n>', 'events an append', 1, atOnceMax).default(500))
    .option('--json', 'one line for each event: where it is, and whether it was there')
    .option('--allow-empty', 'an input without a single event is fine, and no mistake')
    .action(async (file: string, flags: AppendFlags) => withLog(flags, false, (log) => run(log, file, flags)))
}

async function run(log: EventLog, file: string, flags: AppendFlags): Promise<void> {
  const totals = { events: 0, duplicates: 0, streams: new Set<string>() }
  async function* appended(): AsyncGenerator<object> {
    for await (const lines of batches(file, flags)) {
      for (const one of await appendBatch(log, lines, flags)) {
        const { domain, stream, duplicate } = one
        for (const { id, sequence, place } of one.events) {
          totals.streams.add(streamPath(domain, stream))
          totals.events++
          if (duplicate) totals.duplicates++
          yield { domain, stream, id, sequence, place, duplicate }
        }
      }
    }
  }
  if (flags.json === true) return printNdjson(appended())
  for await (const _ of appended());
  const { events, duplicates, streams } = totals
  const there = duplicates === 0 ? '' : `; ${grouped(duplicates)} were there already`
  await printLines([`${grouped(events)} events in ${grouped(streams.size)} streams of ${log.name}${there}`])
}

/**
 * Appends some lines in their order. Of a batch that is there in part, each line goes by itself. An
 * expectation is checked also where there is nothing to append.
 */
async function appendBatch(
  log: EventLog,
  lines: readonly EventLine[],
  flags: AppendFlags,
): Promise<readonly Appended[]> {
  const { expected } = flags
  const place = lines[0] ?? flags.stream
  if (expected !== undefined && place !== undefined) {
    const { domain, stream } = place
    return [await log.append({ domain, stream, expected, events: lines.map(({ event }) => event) })]
  }
  if (lines.length === 0) return []
  try {
    return await log.appendAll(runsOf(lines))
  } catch (error) {
    const isKnownInPart =
      error instanceof InturnError && ['append-partly-known', 'id-conflict'].includes(error.code)
    if (!isKnownInPart) throw error
  }
  const all: Appended[] = []
  for (const { domain, stream, event } of lines)
    all.push(await log.append({ domain, stream, events: [event] }))
  return all
}

/** Lines of one stream that follow each other, as one entry each. */
function runsOf(lines: readonly EventLine[]): StreamAppend[] {
  const runs: (LogStream & { readonly events: EventLine['event'][] })[] = []
  for (const { domain, stream, event } of lines) {
    const last = runs.at(-1)
    if (last?.domain === domain && last.stream === stream) last.events.push(event)
    else runs.push({ domain, stream, events: [event] })
  }
  return runs
}

/** The lines of the input, in batches; with an expectation all of one stream in one batch. */
async function* batches(file: string, flags: AppendFlags): AsyncGenerator<readonly EventLine[]> {
  const { expected, batch } = flags
  let lines: EventLine[] = []
  for await (const event of eventLines(file, flags)) {
    const [first = event] = lines
    const isSame = first.domain === event.domain && first.stream === event.stream
    if (expected !== undefined && !isSame) {
      throw new InturnError('usage', `--expected is about one stream; line ${event.line} is of another one`)
    }
    if (lines.length >= atOnceMax) {
      throw new InturnError('usage', `--expected appends all events at once, at most ${grouped(atOnceMax)}`)
    }
    lines.push(event)
    if (lines.length < batch || expected !== undefined) continue
    yield lines
    lines = []
  }
  yield lines
}

/** Only a newline ends a line: other characters that do so elsewhere may stand in JSON. */
async function* eventLines(file: string, flags: AppendFlags): AsyncGenerator<EventLine> {
  const { stream, expected } = flags
  const input = await openInput(file)
  let line = 0
  let isEmpty = true
  try {
    for await (const { bytes } of recordChunks(input, { cut: cutAtNewline, chunkBytes: 64 * 1024 })) {
      const isText = utf8Check(bytes)
      for (let start = 0; start < bytes.length;) {
        const end = bytes.indexOf('\n', start)
        line++
        if (!isText(start, end)) throw new InturnError('event-invalid', `line ${line}: it is not UTF-8`)
        if (!isBlank(bytes, start, end)) {
          isEmpty = false
          yield* readEventLines(bytes.toString('utf8', start, end), line, stream)
        }
        start = end + 1
      }
    }
    // Where a stream and an expectation are named, there is something to check.
    const isChecked = stream !== undefined && expected !== undefined
    checkNotEmpty(input, isEmpty, { allowEmpty: flags.allowEmpty === true || isChecked })
  } finally {
    await input.close()
  }
}

function streamOf(text: string): LogStream {
  const path = parseStreamPath(text)
  if (path !== undefined && path.domain !== '' && path.stream !== '') return path
  throw new InturnError('usage', `--stream takes <domain>/<stream>, each percent-encoded, not ${text}`)
}

function expectedOf(text: string): Expected {
  if (text === 'none' || text === 'any') return text
  const position = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(position)) return position
  throw new InturnError('usage', `--expected takes a number, none or any, not ${text}`)
}

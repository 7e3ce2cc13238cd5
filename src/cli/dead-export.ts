// `inturn dead export`: sends dead letters to a sink, each as it is kept. They stay; `inturn dead drop`
// forgets them. Upholds I3: one that a sink does not take is named, and keeps no other back.
import { Command, Option } from 'commander'
import { InturnError } from '../core/errors.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import { fieldOf } from '../core/thrown.ts'
import type { RefusedLetter } from '../operate/dead-letter-selection.ts'
import { refusedNamedMax } from '../operate/dead-letter-selection.ts'
import type { ConsumerView } from '../operate/paging.ts'
import { eachDeadLetter } from '../operate/paging.ts'
import { errorTail } from '../ports/log.ts'
import { deadLetterReasons } from '../ports/records.ts'
import type { DeadLetter, DeadLetterReason } from '../ports/records.ts'
import type { Sink, SinkMessage } from '../ports/sink.ts'
import type { Paged } from '../ports/store-reader.ts'
import { refusalLines } from './dead-actions.ts'
import { exactJson, jsonField } from './exact-json.ts'
import { recordFilter, withoutCursor } from './listing.ts'
import { exportedAs, findConfig } from './load-config.ts'
import { printJson, printLines } from './print.ts'
import type { StoreFlags } from './store-flags.ts'
import { addStoreFlags, withConsumer } from './store-flags.ts'
import { streamArgument } from './stream-argument.ts'
import { grouped } from './table.ts'

interface DeadExportFlags extends StoreFlags {
  readonly to?: string
  readonly domain?: string
  readonly reason?: DeadLetterReason
}

const sinkForms = 'kafka://<host>:<port>/<topic>, or the path of an .ndjson file'
/** Letters that are sent together. */
const batchMax = 100
const sendMs = 60_000

/** The command `inturn dead export`. */
export function deadExportCommand(): Command {
  return addStoreFlags(new Command('export'))
    .description('send dead letters to a sink, each as it is kept; they stay in the store')
    .argument('[stream]', streamArgument)
    .option('--to <sink>', `${sinkForms} (default: what the configuration exports as deadLetters)`)
    .option('--domain <name>', 'only the streams of this domain')
    .addOption(new Option('--reason <reason>', 'only those with this reason').choices(deadLetterReasons))
    .action(async (name: string | undefined, flags: DeadExportFlags) => {
      const sink = flags.to === undefined ? await exportedSink(flags.config) : await sinkOf(flags.to)
      await withConsumer(flags, async (view) => {
        const { reason } = flags
        const filter = await recordFilter(view, name, flags)
        const letters = eachDeadLetter(view, { ...filter, ...(reason !== undefined && { reason }) })
        const done = await sendAll(sink, view, letters)
        if (flags.json === true) await printJson({ sink: sink.name, ...done })
        else await printLines(linesOf(sink, done))
        if (done.refused > 0) process.exitCode = 1
      })
    })
}

async function sinkOf(text: string): Promise<Sink> {
  const { hosts, topic } = /^kafka:\/\/(?<hosts>[^/?#@]+)\/(?<topic>[\w.-]+)$/.exec(text)?.groups ?? {}
  if (hosts !== undefined && topic !== undefined) {
    const { kafkaSink } = await import('../transports/kafka.ts')
    return kafkaSink({ brokers: hosts.split(','), topic })
  }
  if (!/\.(?:ndjson|jsonl)$/.test(text) || text.includes('://')) {
    throw new InturnError('usage', `--to takes ${sinkForms}, not ${text}`)
  }
  const { fileSink } = await import('../transports/file.ts')
  return fileSink(text)
}

/** TLS, passwords and the like are for code to say. */
async function exportedSink(named: string | undefined): Promise<Sink> {
  const file = named ?? findConfig()
  const sink = file === undefined ? undefined : await exportedAs(file, 'deadLetters')
  if (isSink(sink)) return sink
  const how = `name it with --to (${sinkForms}), or export const deadLetters = kafkaSink({ ... })`
  throw new InturnError('usage', `there is no sink to send to: ${how}`)
}

function isSink(value: unknown): value is Sink {
  return ['open', 'send', 'close'].every((name) => typeof fieldOf(value, name) === 'function')
}

/** What was sent, and what a sink has refused for good. */
interface Exported {
  readonly sent: number
  readonly refused: number
  readonly refusals: readonly RefusedLetter[]
}

async function sendAll(
  sink: Sink,
  { consumer }: ConsumerView,
  letters: AsyncIterable<Paged<DeadLetter>>,
): Promise<Exported> {
  await sink.open()
  let [sent, refused] = [0, 0]
  const refusals: RefusedLetter[] = []
  const send = async (batch: readonly Paged<DeadLetter>[]): Promise<void> => {
    try {
      const messages = batch.map((letter) => messageOf(consumer, letter))
      await sink.send(messages, { signal: AbortSignal.timeout(sendMs) })
      sent += batch.length
    } catch (error) {
      if (!(error instanceof InturnError) || error.retryable) throw error
      const [only, ...more] = batch
      if (only !== undefined && more.length === 0) {
        refused++
        const { key, reason } = only
        if (refusals.length < refusedNamedMax) refusals.push({ key, reason, why: errorTail(error) })
        return
      }
      const before = sent
      for (const letter of batch) await send([letter])
      // Where none of many is taken it is not for what they are.
      if (sent === before) throw error
    }
  }
  try {
    let batch: Paged<DeadLetter>[] = []
    for await (const letter of letters) {
      batch.push(letter)
      if (batch.length < batchMax) continue
      await send(batch)
      batch = []
    }
    if (batch.length > 0) await send(batch)
    return { sent, refused, refusals }
  } finally {
    await sink.close()
  }
}

/** A letter as a message: what was kept to the byte, with all else beside it, and the same as one JSON. */
function messageOf(consumer: string, letter: Paged<DeadLetter>): SinkMessage {
  const { payload, ...rest } = withoutCursor(letter)
  const { key, reason, detail, at, stream: path, sequence, id, ...more } = rest
  const { domain = '', stream = '' } = parseStreamPath(path ?? '') ?? {}
  const field = jsonField('payload', payload)
  const places = field['payload_base64_at']
  const named = {
    consumer,
    reason,
    detail,
    key,
    domain,
    stream,
    sequence,
    id,
    at: new Date(at).toISOString(),
    ...more,
    payload_base64_at: places === undefined ? undefined : exactJson(places),
  }
  const headers = Object.entries(named).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, String(value)] as const],
  )
  const text = typeof payload === 'string' ? payload : exactJson(field['payload'] ?? null)
  return {
    domain,
    stream,
    sequence: Number(sequence ?? 0),
    id: id ?? key,
    type: reason,
    partitionKey: path ?? key,
    json: exactJson({ consumer, ...rest, ...field }),
    letter: {
      bytes: payload instanceof Uint8Array ? payload : Buffer.from(text),
      headers: Object.fromEntries(headers),
    },
  }
}

function linesOf({ name }: Sink, { sent, refused, refusals }: Exported): readonly string[] {
  return [`${grouped(sent)} sent to ${name}`, ...refusalLines(refused, refusals)]
}

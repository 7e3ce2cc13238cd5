// Heals gaps from an archive: an NDJSON file that has every event, in any order, and may still grow. It is
// read through once; after that a question reads only the parts that may have lines of its stream.
import type { BigIntStats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { open, stat } from 'node:fs/promises'
import { checkFunctions, checkNames, checkTexts } from '../../core/check-names.ts'
import { InturnError } from '../../core/errors.ts'
import type { EventFrom } from '../../core/event-from.ts'
import { eventFrom as plainEventFrom } from '../../core/event-from.ts'
import { parseMessage, readText } from '../../core/parse-message.ts'
import { errorText } from '../../core/thrown.ts'
import { checkCounts } from '../../core/whole-number.ts'
import { HealSearch } from '../../ports/heal-search.ts'
import type { Healer, HealRequest } from '../../ports/healer.ts'
import { Edges } from './edges.ts'
import type { LineDelivery } from './line-delivery.ts'
import { LineReader } from './line-reader.ts'
import { checkKind } from './open-file.ts'
import type { NamedStreams } from './stream-blocks.ts'
import { StreamBlocks } from './stream-blocks.ts'

/** Options of {@link fileHealer}. */
export interface FileHealerOptions {
  /**
   * How an event is found in a line: the same answer for the same line, whenever it is asked. Default: as
   * whoever asks finds it, so what its worker has.
   */
  readonly eventFrom?: EventFrom
  /** Longer lines are passed over, in bytes. Default 1 MiB. */
  readonly lineBytesMax?: number
}

/**
 * A healer that finds missing events in an NDJSON file.
 *
 * @throws InturnError `config-invalid` for an option that is unknown or out of its range
 * @example
 * const gap = { heal: { with: fileHealer('archive.ndjson') } }
 */
export function fileHealer(path: string, options: FileHealerOptions = {}): Healer {
  checkNames(options, 'fileHealer', ['eventFrom', 'lineBytesMax'] satisfies (keyof FileHealerOptions)[])
  const { eventFrom, lineBytesMax = 1024 * 1024 } = options
  checkFunctions('fileHealer', { eventFrom })
  checkCounts('fileHealer', { lineBytesMax })
  checkTexts('fileHealer', { path }, 'the path of a file')
  return new FileHealer(path, { eventFrom, lineBytesMax })
}

/** Lines taken from a reader at a time. */
const linesMax = 1_000

class FileHealer implements Healer {
  readonly name: string
  readonly #path: string
  readonly #options: { readonly eventFrom: EventFrom | undefined; readonly lineBytesMax: number }
  /** What is known of the file, by how its lines are read: domains with fields of their own may share it. */
  readonly #known = new WeakMap<EventFrom, KnownFile>()
  /** One question at a time, so that the file is read through once. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(
    path: string,
    options: { readonly eventFrom: EventFrom | undefined; readonly lineBytesMax: number },
  ) {
    this.name = `file ${path}`
    this.#path = path
    this.#options = options
  }

  heal(request: HealRequest): Promise<readonly string[]> {
    const answer = this.#last.then(() => this.#answer(request))
    this.#last = answer.catch(() => undefined)
    return answer
  }

  async #answer(request: HealRequest): Promise<readonly string[]> {
    request.signal.throwIfAborted()
    if (request.wire !== undefined) {
      throw new InturnError(
        'usage',
        `${this.name} cannot tell the rounds of a counter that wraps from one another`,
      )
    }
    const handle = await this.#open()
    try {
      const known = await this.#knownOf(
        handle,
        this.#options.eventFrom ?? request.eventFrom ?? plainEventFrom,
      )
      const search = { request, known, found: new HealSearch<string>(request) }
      for (const { start, end } of known.blocks.partsOf(request.stream)) {
        await this.#search({ handle, start, sizeMax: end }, search)
      }
      await this.#searchRest(handle, search)
      return search.found.messages()
    } finally {
      await handle.close()
    }
  }

  async #open(): Promise<FileHandle> {
    try {
      checkKind(this.#path, await stat(this.#path))
      return await open(this.#path, 'r')
    } catch (cause) {
      if (cause instanceof InturnError) throw cause
      const message = `${this.name} cannot be read: ${errorText(cause)}`
      throw new InturnError('source-unavailable', message, { cause, retryable: true })
    }
  }

  /** What is known of the file counts as long as it only grows. */
  async #knownOf(handle: FileHandle, eventFrom: EventFrom): Promise<KnownFile> {
    const before = this.#known.get(eventFrom)
    if (before !== undefined && (await this.#hasOnlyGrown(handle, before))) return before
    const known = { eventFrom, blocks: new StreamBlocks(), seen: undefined }
    this.#known.set(eventFrom, known)
    return known
  }

  async #hasOnlyGrown(handle: FileHandle, known: KnownFile): Promise<boolean> {
    if (known.seen === undefined) return true
    const { edges, stats: seen } = known.seen
    const stats = await handle.stat({ bigint: true })
    if (stats.ino !== seen.ino || stats.dev !== seen.dev || stats.birthtimeNs !== seen.birthtimeNs)
      return false
    // Written to, and no longer than before: not at its end.
    if (stats.size === seen.size && stats.mtimeNs !== seen.mtimeNs) return false
    return edges.areIn(handle)
  }

  async #search(part: SearchedPart, search: Search): Promise<void> {
    await this.#eachLine(part, search.request, ({ message }) => {
      if (typeof message === 'string') match(message, search)
    })
  }

  /** Searches what is not known yet, and notes which streams it has; also if it is broken off. */
  async #searchRest(handle: FileHandle, search: Search): Promise<void> {
    const { known, request } = search
    const { blocks } = known
    const start = blocks.end
    const stats = await handle.stat({ bigint: true })
    try {
      const reader = await this.#eachLine({ handle, start }, request, ({ message, place }) => {
        const stream = typeof message === 'string' ? match(message, search) : 'none'
        if (blocks.hasRoom) blocks.note(stream, place)
      })
      const rest = reader.takeRest()?.message
      if (typeof rest === 'string') match(rest, search)
    } finally {
      known.seen = { stats, edges: await Edges.of(handle, blocks.end) }
    }
  }

  async #eachLine(
    { handle, start, sizeMax }: SearchedPart,
    { signal }: HealRequest,
    take: (line: LineDelivery) => void,
  ): Promise<LineReader> {
    const { lineBytesMax } = this.#options
    const limits = sizeMax === undefined ? { lineBytesMax } : { lineBytesMax, sizeMax }
    const reader = new LineReader({ handle, path: this.#path, ...limits }, { offset: start, line: 0 })
    for (;;) {
      signal.throwIfAborted()
      const lines = await reader.read(linesMax)
      if (lines.length === 0) return reader
      for (const line of lines) take(line)
    }
  }
}

/** Takes a line if it is asked for; which streams it may name. */
function match(text: string, { known: { eventFrom }, found }: Search): NamedStreams {
  const parsed = parseMessage(text, eventFrom)
  // What the default mapping cannot read, it never can; of another one nobody knows.
  if (!('fields' in parsed)) return eventFrom === plainEventFrom ? 'none' : 'any'
  const { fields } = parsed
  const name = readText(fields.stream)
  const stream = name === undefined ? 'none' : { name }
  found.take(fields, text, text)
  return stream
}

/** What is known of a file whose lines are read in one way. */
interface KnownFile {
  readonly eventFrom: EventFrom
  readonly blocks: StreamBlocks
  /** What the blocks were found in. */
  seen: { readonly edges: Edges; readonly stats: BigIntStats } | undefined
}

/** One question. */
interface Search {
  readonly request: HealRequest
  readonly known: KnownFile
  readonly found: HealSearch<string>
}

interface SearchedPart {
  readonly handle: FileHandle
  readonly start: number
  readonly sizeMax?: number
}

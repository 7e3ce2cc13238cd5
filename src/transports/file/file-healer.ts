// Heals gaps from an archive: an NDJSON file that has every event, in any order, and may still grow. It is
// read through once; after that a question reads only the parts that may have lines of its stream.
import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { checkNames } from '../../core/check-names.ts'
import { InturnError } from '../../core/errors.ts'
import type { EventFrom } from '../../core/event-from.ts'
import { eventFrom as plainEventFrom } from '../../core/event-from.ts'
import { parseMessage } from '../../core/parse-message.ts'
import { readEpoch, readSequence } from '../../core/read-sequence.ts'
import { readText } from '../../core/read-text.ts'
import type { Sequence } from '../../core/sequence.ts'
import { errorText } from '../../core/thrown.ts'
import type { Healer, HealRequest } from '../../ports/healer.ts'
import type { LineDelivery } from './line-delivery.ts'
import { LineReader } from './line-reader.ts'
import { StreamBlocks } from './stream-blocks.ts'

/** Options of {@link fileHealer}. */
export interface FileHealerOptions {
  /** How an event is found in a line; the same as the worker's. Default: inturn's own, and CloudEvents. */
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
  const { eventFrom = plainEventFrom, lineBytesMax = 1024 * 1024 } = options
  if (typeof eventFrom !== 'function') {
    throw new InturnError('config-invalid', `fileHealer: eventFrom takes a function, not ${typeof eventFrom}`)
  }
  if (!Number.isSafeInteger(lineBytesMax) || lineBytesMax < 1) {
    const takes = `fileHealer: lineBytesMax takes a whole number from 1, not ${lineBytesMax}`
    throw new InturnError('config-invalid', takes)
  }
  return new FileHealer(path, { eventFrom, lineBytesMax })
}

interface FoundLine {
  readonly sequence: Sequence
  readonly text: string
}

/** Lines taken from a reader at a time. */
const linesMax = 1_000
const guardBytes = 64

class FileHealer implements Healer {
  readonly name: string
  readonly #path: string
  readonly #options: Required<FileHealerOptions>
  #blocks = new StreamBlocks()
  /** The last bytes before the end of the blocks, which tell an archive that grew from another one. */
  #guard = Buffer.alloc(0)
  /** One question at a time, so that the file is read through once. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(path: string, options: Required<FileHealerOptions>) {
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
      await this.#forgetUnlessSame(handle)
      const found = new LowestLines(request.limit)
      for (const { start, end } of this.#blocks.partsOf(request.stream)) {
        await this.#search({ handle, start, sizeMax: end }, request, found)
      }
      await this.#searchRest(handle, request, found)
      return found.texts()
    } finally {
      await handle.close()
    }
  }

  async #open(): Promise<FileHandle> {
    try {
      return await open(this.#path, 'r')
    } catch (cause) {
      const message = `${this.name} cannot be read: ${errorText(cause)}`
      throw new InturnError('source-unavailable', message, { cause, retryable: true })
    }
  }

  /** What is known of the file counts as long as it only grows. */
  async #forgetUnlessSame(handle: FileHandle): Promise<void> {
    const bytes = Buffer.alloc(this.#guard.length)
    await handle.read(bytes, 0, bytes.length, this.#blocks.end - bytes.length)
    if (bytes.equals(this.#guard)) return
    this.#blocks = new StreamBlocks()
    this.#guard = Buffer.alloc(0)
  }

  async #search(part: SearchedPart, request: HealRequest, found: LowestLines): Promise<void> {
    await this.#eachLine(part, request, ({ message }) => {
      if (typeof message === 'string' && mayNameStream(message, request.stream)) {
        this.#match(message, request, found)
      }
    })
  }

  /** Searches what is not known yet, and notes which streams it has; also if it is broken off. */
  async #searchRest(handle: FileHandle, request: HealRequest, found: LowestLines): Promise<void> {
    const start = this.#blocks.end
    try {
      const reader = await this.#eachLine({ handle, start }, request, ({ message, place }) => {
        const stream = typeof message === 'string' ? this.#match(message, request, found) : undefined
        if (this.#blocks.hasRoom) this.#blocks.note(stream, place)
      })
      const rest = reader.takeRest()?.message
      if (typeof rest === 'string') this.#match(rest, request, found)
    } finally {
      const length = Math.min(guardBytes, this.#blocks.end)
      this.#guard = Buffer.alloc(length)
      await handle.read(this.#guard, 0, length, this.#blocks.end - length)
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

  /** Takes a line if it is asked for; which stream it names. */
  #match(text: string, request: HealRequest, found: LowestLines): string | undefined {
    const parsed = parseMessage(text, this.#options.eventFrom)
    if (!('fields' in parsed)) return undefined
    const { fields } = parsed
    const stream = readText(fields.stream)
    const isAsked = stream === request.stream && readEpoch(fields.epoch) === request.epoch
    const isOfDomain = (fields.domain ?? request.domain) === request.domain
    if (!isAsked || !isOfDomain) return stream
    const [from, to] = numbersOf(fields)
    if (typeof from === 'string' || typeof to === 'string' || from > request.to) return stream
    if (request.from === null || to >= request.from) found.add({ sequence: from, text })
    return stream
  }
}

interface SearchedPart {
  readonly handle: FileHandle
  readonly start: number
  readonly sizeMax?: number
}

/** The lines with the lowest numbers, no more than are asked for. Holds at most twice as many. */
class LowestLines {
  readonly #limit: number
  #lines: FoundLine[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  add(line: FoundLine): void {
    this.#lines.push(line)
    if (this.#lines.length >= 2 * this.#limit) this.#cut()
  }

  texts(): readonly string[] {
    this.#cut()
    return this.#lines.map(({ text }) => text)
  }

  #cut(): void {
    this.#lines.sort((a, b) => (a.sequence < b.sequence ? -1 : a.sequence > b.sequence ? 1 : 0))
    this.#lines = this.#lines.slice(0, this.#limit)
  }
}

/** Whether a line can name a stream: a JSON text without escapes has the name as it is. */
function mayNameStream(text: string, stream: string): boolean {
  return text.includes(stream) || text.includes('\\')
}

/** The first and last number of an event, or of a fill. */
function numbersOf(fields: {
  readonly sequence?: unknown
  readonly fill?: unknown
}): readonly [from: Sequence | string, to: Sequence | string] {
  const { fill } = fields
  if (typeof fill !== 'object' || fill === null) {
    const sequence = readSequence(fields.sequence, { big: true })
    return [sequence, sequence]
  }
  const bound = (name: string): Sequence | string => readSequence(Reflect.get(fill, name), { big: true })
  return [bound('from'), bound('to')]
}

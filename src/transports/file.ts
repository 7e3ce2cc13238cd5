// A file of NDJSON as a source: one event a line, read once to its end or followed as it grows. It is a log:
// what is settled is the longest part from the beginning, and a checkpoint keeps how far that reaches.
// Upholds I4.
import { checkFlags, checkNames, checkTexts } from '../core/check-names.ts'
import { SettledPrefix } from '../core/settled-prefix.ts'
import { checkCounts } from '../core/whole-number.ts'
import type { Sink } from '../ports/sink.ts'
import type { Checkpoint, ReadRequest, Source, SourceExtent } from '../ports/source.ts'
import { systemTimers } from '../ports/timers.ts'
import type { Timers } from '../ports/timers.ts'
import type { Bookmark, LogName } from './file/bookmark.ts'
import { atBeginning, decodeBookmark, encodeBookmark, resumeAt } from './file/bookmark.ts'
import { FileSink } from './file/file-sink.ts'
import type { LineDelivery, LinePlace } from './file/line-delivery.ts'
import type { FileFate } from './file/open-file.ts'
import { isMissing, OpenFile } from './file/open-file.ts'
import { digestAt } from './file/read-content.ts'

export { fileHealer } from './file/file-healer.ts'
export type { FileHealerOptions } from './file/file-healer.ts'

/** Options of {@link fileSource}. */
export interface FileSourceOptions {
  /** Go on reading as the file grows, and wait for it where it does not exist yet. Default false. */
  readonly follow?: boolean
  /** How often a followed file is looked at when nothing came, in milliseconds. Default 100. */
  readonly pollMs?: number
  /**
   * The longest line that is read whole, in bytes. Default 1 MiB, like the engine's limit for an event. A
   * longer one is delivered as its beginning and its length, and becomes a dead letter `too-large`.
   */
  readonly lineBytesMax?: number
  /** How often the checkpoint is saved at most, in milliseconds. Default 1,000; it is saved at close too. */
  readonly checkpointMs?: number
  /** For tests. Default: the machine's own. */
  readonly timers?: Timers
}

/** What a path is. */
const filePath = 'the path of a file'

/** Every option; the type sees to it that none is missing here. */
const optionNames: Readonly<Record<keyof FileSourceOptions, true>> = {
  follow: true,
  pollMs: true,
  lineBytesMax: true,
  checkpointMs: true,
  timers: true,
}

/**
 * The lines of an NDJSON file as a log source.
 *
 * @throws InturnError `config-invalid` for an option that is unknown, or a limit that is no positive whole
 * number
 * @example
 * const source = fileSource('events.ndjson', { follow: true })
 */
export function fileSource(path: string, options: FileSourceOptions = {}): Source<LineDelivery> {
  checkNames(options, 'fileSource', Object.keys(optionNames))
  const { pollMs = 100, lineBytesMax = 1024 * 1024, checkpointMs = 1_000 } = options
  checkCounts('fileSource', { pollMs, lineBytesMax, checkpointMs })
  const { follow = false, timers = systemTimers } = options
  checkTexts('fileSource', { path }, filePath)
  checkFlags('fileSource', { follow })
  return new FileSource(path, { follow, pollMs, lineBytesMax, checkpointMs, timers })
}

/**
 * An NDJSON file as a sink: lines are appended, and on the disk before a send resolves. The file is made
 * where there is none; its folder is not. One process at a time may write to it.
 *
 * @throws InturnError `config-invalid` when the path is empty
 * @example
 * const relay = createRelay({ name: 'orders', log, store, sink: fileSink('events.ndjson') })
 */
export function fileSink(path: string): Sink {
  checkTexts('fileSink', { path }, filePath)
  return new FileSink(path)
}

/**
 * Missing -> open -> ended -> open ...: a file that was replaced while it was followed, or written anew in
 * place while it was read, is `ended`: its last line is read, and what is there now is opened once everything
 * of this one is settled. So no checkpoint ever names a file while lines of an older one are still under way.
 */
class FileSource implements Source<LineDelivery> {
  readonly kind = 'log'
  readonly name: string
  readonly #path: string
  readonly #options: Required<FileSourceOptions>
  #checkpoint: Checkpoint | undefined
  #file: OpenFile | undefined
  #bookmark: Bookmark | undefined
  #log: LogName | undefined
  #prefix = new SettledPrefix<LinePlace>()
  /** A followed file was read to its end; it may have grown or been replaced since. */
  #isAtEnd = false
  #hasEnded = false
  /** The last line of the file, if it stood there without a newline. */
  #openLine: LinePlace | undefined
  #savedEnd: LinePlace | undefined
  #savedAtMs = -Infinity
  #saving = false

  constructor(path: string, options: Required<FileSourceOptions>) {
    this.name = `file ${path}`
    this.#path = path
    this.#options = options
  }

  async open(checkpoint: Checkpoint): Promise<void> {
    this.#checkpoint = checkpoint
    this.#bookmark = decodeBookmark(await checkpoint.load())
    await this.#openFile()
  }

  async read(request: ReadRequest): Promise<readonly LineDelivery[]> {
    const { timers, pollMs, follow } = this.#options
    const untilMs = timers.elapsedMs() + request.waitMs
    for (;;) {
      const lines = await this.#next(request.max)
      const leftMs = untilMs - timers.elapsedMs()
      if (lines.length > 0 || request.signal.aborted || leftMs <= 0) return lines
      await timers.sleep(follow ? Math.min(leftMs, pollMs) : leftMs, request.signal)
    }
  }

  async settle(deliveries: readonly LineDelivery[]): Promise<void> {
    for (const { ticket } of deliveries) this.#prefix.settle(ticket)
    const elapsedMs = this.#options.timers.elapsedMs()
    if (this.#saving || elapsedMs - this.#savedAtMs < this.#options.checkpointMs) return
    // A note that cannot be kept now is kept the next time: until then more lines come again, none is missed.
    await this.#save().catch(() => undefined)
  }

  release(): Promise<void> {
    return Promise.resolve()
  }

  async isCaughtUp(): Promise<boolean> {
    if (this.#file === undefined) return true
    if (this.#hasEnded || !(await this.#file.isAtEnd())) return false
    return !this.#options.follow || !isOver(await this.#file.fate())
  }

  async extent(): Promise<SourceExtent | undefined> {
    return this.#file === undefined ? undefined : { ...(await this.#file.extent()), unit: 'bytes' }
  }

  async close(): Promise<void> {
    try {
      await this.#save()
    } finally {
      const file = this.#file
      this.#forgetFile()
      this.#checkpoint = undefined
      await file?.close()
    }
  }

  async #openFile(): Promise<void> {
    const { follow, lineBytesMax } = this.#options
    try {
      this.#file = await OpenFile.open({ path: this.#path, follow, lineBytesMax }, async (handle) => {
        const resumed = await resumeAt(handle, this.#bookmark)
        const { bookmark } = resumed
        // What is delivered has a name that a process after this one knows.
        const isNew = bookmark.log.id !== this.#bookmark?.log?.id
        if (isNew) await this.#checkpoint?.save(encodeBookmark(bookmark)).catch(() => undefined)
        this.#log = bookmark.log
        return resumed
      })
    } catch (error) {
      if (!follow || !isMissing(error)) throw error
    }
  }

  async #next(max: number): Promise<readonly LineDelivery[]> {
    if (this.#hasEnded && this.#prefix.pending === 0) await this.#leaveFile()
    if (this.#file === undefined && this.#checkpoint !== undefined) await this.#openFile()
    const file = this.#file
    if (file === undefined || this.#hasEnded) return []
    if (this.#isAtEnd) {
      const fate = await file.fate()
      if (fate === 'same' || fate === 'missing') return []
      this.#isAtEnd = false
      this.#hasEnded = isOver(fate)
      if (this.#hasEnded) return this.#last(file)
    }
    const lines = await file.read(max)
    if (lines.length > 0) return this.#given(lines)
    this.#hasEnded = file.isReplaced
    this.#isAtEnd = this.#options.follow && !this.#hasEnded
    return this.#isAtEnd ? [] : this.#last(file)
  }

  #last(file: OpenFile): readonly LineDelivery[] {
    const line = file.takeRest()
    if (line === undefined) return []
    this.#openLine = line.place
    return this.#given([line])
  }

  #given(lines: readonly LineDelivery[]): readonly LineDelivery[] {
    for (const line of lines) {
      line.ticket = this.#prefix.add(line.place)
      line.log = this.#log?.id
    }
    return lines
  }

  /** Everything of the file is settled: the next one is read from its beginning, also after a restart. */
  async #leaveFile(): Promise<void> {
    const file = this.#file
    this.#forgetFile()
    this.#bookmark = undefined
    await this.#checkpoint?.save(encodeBookmark(atBeginning)).catch(() => undefined)
    await file?.close()
  }

  #forgetFile(): void {
    this.#file = undefined
    this.#prefix = new SettledPrefix()
    this.#openLine = undefined
    this.#isAtEnd = false
    this.#hasEnded = false
  }

  async #save(): Promise<void> {
    const { end } = this.#prefix
    if (end === undefined || end === this.#savedEnd || this.#file === undefined) return
    this.#saving = true
    try {
      const digest = end.chunk && (await digestAt(this.#file.handle, end.end, end.chunk))
      // What was written anew is read from its beginning: no place in it is kept.
      if (digest === undefined) return
      const openLineAt = end === this.#openLine ? { openLineAt: end.start } : {}
      const log = this.#log && { log: this.#log }
      const bookmark = { offset: end.end, line: end.line, digest, ...openLineAt, ...log }
      await this.#checkpoint?.save(encodeBookmark(bookmark))
      this.#savedEnd = end
      this.#savedAtMs = this.#options.timers.elapsedMs()
    } finally {
      this.#saving = false
    }
  }
}

function isOver(fate: FileFate): boolean {
  return fate === 'replaced' || fate === 'rewritten'
}

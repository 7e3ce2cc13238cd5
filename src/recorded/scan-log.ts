// Scans a recorded log as blocks, in the order of the file, on as many threads as pay: the first chunks on
// this one, the rest on workers of their own. At most two chunks a thread are under way, so memory is bounded
// (I7).
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { checkNotEmpty } from './byte-input.ts'
import type { ByteInput, EmptyInput } from './byte-input.ts'
import { CsvBlockReader } from './csv-block-reader.ts'
import { cutAtRecord } from './csv-scanner.ts'
import { JsonBlockReader } from './json-block-reader.ts'
import type { LineBlock } from './line-block.ts'
import { cutAtNewline, recordChunks } from './record-chunks.ts'
import type { RecordedFields, RecordedFormat } from './recorded-fields.ts'
import type { ScanAnswer, ScanTask } from './scan-worker.ts'

/** How a log is scanned. */
export interface ScanOptions extends EmptyInput {
  readonly fields: RecordedFields
  readonly format: RecordedFormat
  /** Worker threads; 0 for none. Default: one a processor, at most 8, and none in a bundle. */
  readonly threads?: number
  /** Default 4 MiB. */
  readonly chunkBytes?: number
}

/** A chunk of the log and what it says. */
export interface ScannedChunk {
  readonly block: LineBlock
  readonly bytes: Buffer
  /** Whose numbers the block's streams have: each thread counts its own. */
  readonly thread: number
  /** Lines of the log before this chunk. */
  readonly linesBefore: number
  /** Whether the chunk's last newline is not in the log. */
  readonly isNewlineAdded: boolean
  /** The CSV's header as it stands in the log, once it was read. */
  readonly header: Uint8Array | undefined
}

/** A block under way. */
interface Pending {
  readonly answer: ScanAnswer | Promise<ScanAnswer>
  readonly thread: number
  readonly isNewlineAdded: boolean
}

/** Chunks that are read on this thread before workers are started: a small log is done by then. */
const chunksBeforeWorkers = 2
const threadsMax = 8
const workerFile = new URL(`./scan-worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)

/**
 * The log's chunks in order.
 *
 * @throws InturnError `input-unreadable`, also for an empty log where none is allowed
 */
export async function* scanLog(
  input: ByteInput,
  options: ScanOptions,
): AsyncGenerator<ScannedChunk, void, void> {
  const { fields, format, chunkBytes = 4 * 1024 * 1024 } = options
  // A bundle has no file for a thread of its own.
  const threads =
    options.threads ?? (existsSync(workerFile) ? Math.min(availableParallelism(), threadsMax) : 0)
  const own = format === 'csv' ? new CsvBlockReader(fields) : new JsonBlockReader(fields)
  const workers: ScanWorker[] = []
  const pending: Pending[] = []
  let linesBefore = 0
  let chunks = 0
  let isEmpty = true
  const next = async (): Promise<ScannedChunk[]> => {
    const first = pending.shift()
    if (first === undefined) return []
    const { block, bytes } = await first.answer
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const { thread, isNewlineAdded } = first
    const header = own instanceof CsvBlockReader ? own.headerBytes : undefined
    const scanned = { block, bytes: buffer, thread, isNewlineAdded, linesBefore, header }
    linesBefore += block.lineCount
    isEmpty &&= block.rowCount === 0
    return [scanned]
  }
  try {
    const cut = format === 'csv' ? cutAtRecord(fields.delimiter) : cutAtNewline
    for await (const { bytes, isNewlineAdded } of recordChunks(input, { cut, chunkBytes })) {
      if (threads === 0 || chunks++ < chunksBeforeWorkers) {
        pending.push({ answer: { block: own.read(bytes), bytes }, thread: 0, isNewlineAdded })
      } else {
        const header = own instanceof CsvBlockReader ? (own.header ?? []) : undefined
        while (workers.length < threads) workers.push(new ScanWorker({ fields, header }))
        const worker = chunks % threads
        const answer = workers[worker]?.scan(bytes)
        if (answer !== undefined) pending.push({ answer, thread: worker + 1, isNewlineAdded })
      }
      while (pending.length > 2 * workers.length) yield* await next()
    }
    while (pending.length > 0) yield* await next()
    checkNotEmpty(input, isEmpty, options)
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()))
  }
}

/** One worker thread; it answers chunks in the order in which it gets them. */
class ScanWorker {
  readonly #worker: Worker
  readonly #waiting: { resolve: (answer: ScanAnswer) => void; reject: (error: unknown) => void }[] = []

  constructor(task: ScanTask) {
    this.#worker = new Worker(workerFile, { workerData: task })
    this.#worker.on('message', (answer: ScanAnswer) => this.#waiting.shift()?.resolve(answer))
    this.#worker.on('error', (error) => {
      for (const { reject } of this.#waiting.splice(0)) reject(error)
    })
  }

  scan(bytes: Buffer<ArrayBuffer>): Promise<ScanAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<ScanAnswer>()
    this.#waiting.push({ resolve, reject })
    promise.catch(() => undefined)
    this.#worker.postMessage(bytes, [bytes.buffer])
    return promise
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }
}

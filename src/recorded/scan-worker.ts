// A thread that reads chunks as blocks: bytes come in, columns and the same bytes go out, nothing is copied.
import { parentPort, workerData } from 'node:worker_threads'
import { CsvBlockReader } from './csv-block-reader.ts'
import { JsonBlockReader } from './json-block-reader.ts'
import { buffersOf } from './line-block.ts'
import type { LineBlock } from './line-block.ts'
import type { RecordedFields } from './recorded-fields.ts'

/** What a thread is started with. */
export interface ScanTask {
  readonly fields: RecordedFields
  /** The column names of a CSV; absent for NDJSON. */
  readonly header: readonly string[] | undefined
}

/** What a thread answers to a chunk. */
export interface ScanAnswer {
  readonly block: LineBlock
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** Answers every chunk that arrives with its block. */
function serve({ fields, header }: ScanTask): void {
  const reader = header === undefined ? new JsonBlockReader(fields) : new CsvBlockReader(fields, header)
  parentPort?.on('message', (bytes: Uint8Array<ArrayBuffer>) => {
    const block = reader.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    const answer: ScanAnswer = { block, bytes }
    parentPort?.postMessage(answer, [...buffersOf(block), bytes.buffer])
  })
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the pool starts threads with tasks
serve(workerData as ScanTask)

// A file of NDJSON as a sink: one event a line, appended, and on the disk before a send resolves. The file is
// valid NDJSON for whoever reads it: a line that a crash left torn is mended before anything follows it.
// One process at a time writes to a file.
import type { FileHandle } from 'node:fs/promises'
import { open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { InturnError } from '../../core/errors.ts'
import { errorCode, errorMessage } from '../../core/thrown.ts'
import type { SendOptions, Sink, SinkMessage } from '../../ports/sink.ts'
import { mendLastLine } from './mend-last-line.ts'

/** The sink itself; made by `fileSink`. */
export class FileSink implements Sink {
  readonly name: string
  readonly #path: string
  #handle: FileHandle | undefined
  /** Ends with the last send that was begun: a file is written by one at a time. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(path: string) {
    this.name = `file ${path}`
    this.#path = path
  }

  async open(): Promise<void> {
    if (this.#handle !== undefined) return
    await this.#attempt(() => this.#checkKind())
    const handle = await this.#attempt(() => open(this.#path, 'a+'))
    try {
      await this.#attempt(async () => {
        await mendLastLine(this.#path, handle)
        await handle.sync()
        await syncFolder(dirname(this.#path))
      })
    } catch (error) {
      await handle.close()
      throw error
    }
    this.#handle = handle
  }

  send(messages: readonly SinkMessage[], { signal }: SendOptions): Promise<void> {
    return this.#inTurn(async () => {
      const handle = this.#handle
      if (handle === undefined) throw this.#unavailable('it is not open', { retryable: false })
      if (messages.length === 0) return
      if (signal.aborted) throw this.#unavailable('the send was given up', { retryable: true })
      const lines = Buffer.from(messages.map(({ json }) => `${json}\n`).join(''))
      await this.#attempt(async () => {
        await mendLastLine(this.#path, handle)
        await writeAll(handle, lines)
        await handle.sync()
      })
    })
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      const handle = this.#handle
      this.#handle = undefined
      await this.#attempt(async () => handle?.close())
    })
  }

  /** Where nothing can be read back, nobody can tell what of a batch is there. */
  async #checkKind(): Promise<void> {
    const stats = await stat(this.#path).catch(() => undefined)
    if (stats === undefined || stats.isFile() || stats.isDirectory()) return
    throw this.#unavailable('it is a pipe or a device, and no file', { retryable: false })
  }

  #inTurn(run: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(run)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #attempt<Result>(action: () => Promise<Result>): Promise<Result> {
    try {
      return await action()
    } catch (error) {
      if (error instanceof InturnError) throw error
      const code = errorCode(error)
      const known = whatToDo[code]
      const because = known ?? errorMessage(error)
      throw this.#unavailable(because, { retryable: known === undefined, cause: error })
    }
  }

  #unavailable(
    because: string,
    options: { readonly retryable: boolean; readonly cause?: unknown },
  ): InturnError {
    return new InturnError('sink-unavailable', `Cannot write ${this.#path}: ${because}`, options)
  }
}

/** What waiting does not mend. */
const whatToDo: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'a part of the path is no folder',
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the disk is read-only',
}

/** One call of the system for a whole list, wherever it takes all: so a reader sees it at once. */
async function writeAll(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, written)
    written += bytesWritten
  }
}

/** A new file is only there after a power failure if its folder has been written. Not every system can. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

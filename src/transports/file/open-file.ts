// One file while it is being read: its handle, its reader, and whether it is still the file that the path
// names.
import type { FileHandle } from 'node:fs/promises'
import { open, stat } from 'node:fs/promises'
import { InturnError } from '../../core/errors.ts'
import { errorCode, errorMessage } from '../../core/thrown.ts'
import type { LineDelivery } from './line-delivery.ts'
import { LineReader } from './line-reader.ts'
import type { ReadPlace } from './line-reader.ts'

/** Which file, and how it is read. */
export interface OpenFileOptions {
  readonly path: string
  readonly lineBytesMax: number
  /** Whether what is written after opening is read too. */
  readonly follow: boolean
}

/** What has become of a file that is being followed. */
export type FileFate = 'same' | 'grown' | 'missing' | 'replaced'

const whatToDo: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; check the path, or follow it to wait for it',
  EISDIR: 'it is a directory; name a file in it',
  EACCES: 'this user may not read it; check its permissions',
  EPERM: 'this user may not read it; check its permissions',
}

/** A file that is open for reading. */
export class OpenFile {
  readonly handle: FileHandle
  readonly #options: OpenFileOptions
  readonly #reader: LineReader

  private constructor(handle: FileHandle, options: OpenFileOptions, reader: LineReader) {
    this.handle = handle
    this.#options = options
    this.#reader = reader
  }

  /**
   * Opens a file where `resume` says.
   *
   * @throws InturnError `source-unavailable`
   */
  static async open(
    options: OpenFileOptions,
    resume: (handle: FileHandle) => Promise<ReadPlace>,
  ): Promise<OpenFile> {
    const { path, follow, lineBytesMax } = options
    const handle = await attempt(path, () => open(path, 'r'))
    try {
      const stats = await attempt(path, () => handle.stat())
      if (stats.isDirectory()) throw unavailable(path, 'EISDIR')
      const start = await attempt(path, () => resume(handle))
      const sizeMax = follow ? {} : { sizeMax: stats.size }
      const reader = new LineReader({ handle, path, lineBytesMax, ...sizeMax }, start)
      return new OpenFile(handle, options, reader)
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /** The next lines; empty at the end of what the file has now. */
  read(max: number): Promise<readonly LineDelivery[]> {
    return attempt(this.#options.path, () => this.#reader.read(max))
  }

  /** The last line of a file that does not end in a newline, once nothing more will come. */
  takeRest(): LineDelivery | undefined {
    return this.#reader.takeRest()
  }

  /**
   * What has become of the file since its end was reached. What was added to it comes before a file in its
   * place.
   */
  async fate(): Promise<FileFate> {
    const { path } = this.#options
    const { offset, guard } = this.#reader
    const own = await attempt(path, () => this.handle.stat())
    if (own.size < offset) return 'replaced'
    if (own.size > offset)
      return (await this.#bytesBefore(offset, guard.length)).equals(guard) ? 'grown' : 'replaced'
    const named = await stat(path).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return undefined
      throw unavailable(path, errorCode(error), error)
    })
    if (named === undefined) return 'missing'
    return named.ino === own.ino && named.dev === own.dev ? 'same' : 'replaced'
  }

  /** Whether everything that the file had at this moment was read and taken. */
  async isAtEnd(): Promise<boolean> {
    if (this.#reader.hasLines) return false
    if (!this.#options.follow && this.#reader.hasRest) return false
    const { size } = await attempt(this.#options.path, () => this.handle.stat())
    return this.#reader.offset >= Math.min(size, this.#reader.sizeMax)
  }

  /** How many bytes were read, and how many there are now. */
  async extent(): Promise<{ readonly done: number; readonly total: number }> {
    const { size } = await attempt(this.#options.path, () => this.handle.stat())
    return { done: this.#reader.offset, total: Math.min(size, this.#reader.sizeMax) }
  }

  async close(): Promise<void> {
    await this.handle.close()
  }

  async #bytesBefore(offset: number, length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length)
    await attempt(this.#options.path, () => this.handle.read(bytes, 0, length, offset - length))
    return bytes
  }
}

/** Whether the error says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return error instanceof InturnError && errorCode(error.cause) === 'ENOENT'
}

async function attempt<Result>(path: string, action: () => Promise<Result>): Promise<Result> {
  try {
    return await action()
  } catch (error) {
    throw error instanceof InturnError ? error : unavailable(path, errorCode(error), error)
  }
}

function unavailable(path: string, code: string, cause?: unknown): InturnError {
  const known = whatToDo[code]
  const because = known ?? (cause === undefined ? code : errorMessage(cause))
  return new InturnError('source-unavailable', `Cannot read ${path}: ${because}`, {
    retryable: known === undefined,
    cause,
  })
}

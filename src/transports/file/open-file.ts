// One file while it is being read: its handle, its reader, and whether it is still the file that the path
// names.
import type { Stats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { open, stat } from 'node:fs/promises'
import { InturnError } from '../../core/errors.ts'
import { errorCode, errorMessage } from '../../core/thrown.ts'
import type { Resumed } from './bookmark.ts'
import type { LineDelivery } from './line-delivery.ts'
import { LineReader } from './line-reader.ts'
import type { ReadContent } from './read-content.ts'

/** Which file, and how it is read. */
export interface OpenFileOptions {
  readonly path: string
  readonly lineBytesMax: number
  /** Whether what is written after opening is read too. */
  readonly follow: boolean
}

/**
 * What has become of a file that is being read. `rewritten`: it was cut or written anew in place; `replaced`:
 * its path names another one.
 */
export type FileFate = 'same' | 'grown' | 'missing' | 'rewritten' | 'replaced'

const noFile =
  'it is a pipe or a device, which cannot be read again where events are not done yet; ' +
  'write it to a file, and follow that'

const whatToDo: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; check the path, or follow it to wait for it',
  EISDIR: 'it is a directory; name a file in it',
  ESPIPE: noFile,
  EACCES: 'this user may not read it; check its permissions',
  EPERM: 'this user may not read it; check its permissions',
}

/** A file that is open for reading. */
export class OpenFile {
  readonly handle: FileHandle
  readonly #options: OpenFileOptions
  readonly #reader: LineReader
  readonly #content: ReadContent

  private constructor(
    handle: FileHandle,
    options: OpenFileOptions,
    read: { readonly reader: LineReader; readonly content: ReadContent },
  ) {
    this.handle = handle
    this.#options = options
    this.#reader = read.reader
    this.#content = read.content
  }

  /**
   * Opens a file where `resume` says.
   *
   * @throws InturnError `source-unavailable`
   */
  static async open(
    options: OpenFileOptions,
    resume: (handle: FileHandle) => Promise<Resumed>,
  ): Promise<OpenFile> {
    const { path, follow, lineBytesMax } = options
    // To open a pipe is to take from it already, or to wait for whoever writes to it.
    checkKind(path, await attempt(path, () => stat(path)))
    const handle = await attempt(path, () => open(path, 'r'))
    try {
      const stats = await attempt(path, () => handle.stat())
      checkKind(path, stats)
      const { place, content } = await attempt(path, () => resume(handle))
      const sizeMax = follow ? {} : { sizeMax: stats.size }
      const reader = new LineReader({ handle, path, lineBytesMax, content, ...sizeMax }, place)
      return new OpenFile(handle, options, { reader, content })
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
    if (this.isReplaced || !(await attempt(path, () => this.#content.isIn(this.handle)))) return 'rewritten'
    const own = await attempt(path, () => this.handle.stat())
    if (own.size > this.#reader.offset) return 'grown'
    const named = await stat(path).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return undefined
      throw unavailable(path, errorCode(error), error)
    })
    if (named === undefined) return 'missing'
    return named.ino === own.ino && named.dev === own.dev ? 'same' : 'replaced'
  }

  /** Whether something else was met in the file than what was read of it. */
  get isReplaced(): boolean {
    return this.#reader.isReplaced
  }

  /** Whether everything that the file had at this moment was read and taken. */
  async isAtEnd(): Promise<boolean> {
    if (this.#reader.hasLines) return false
    if (!this.#options.follow && this.#reader.hasRest) return false
    const { follow, path } = this.#options
    // One that was cut meanwhile has an end that nobody has looked at.
    const end = follow ? (await attempt(path, () => this.handle.stat())).size : this.#reader.sizeMax
    return this.#reader.offset >= end
  }

  /** How many bytes were read, and how many there are now. */
  async extent(): Promise<{ readonly done: number; readonly total: number }> {
    const { size } = await attempt(this.#options.path, () => this.handle.stat())
    return { done: this.#reader.offset, total: Math.min(size, this.#reader.sizeMax) }
  }

  async close(): Promise<void> {
    await this.handle.close()
  }
}

/** @throws InturnError `source-unavailable` for what is no file that can be read again */
export function checkKind(path: string, stats: Stats): void {
  if (stats.isDirectory()) throw unavailable(path, 'EISDIR')
  if (!stats.isFile()) throw unavailable(path, 'ESPIPE')
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

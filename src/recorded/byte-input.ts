// Opens a recorded log, a file or standard input, for reading in order, and says in one line why it cannot.
import type { Stats } from 'node:fs'
import { fstatSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { InturnError } from '../core/errors.ts'
import { errorCode, errorMessage } from '../core/thrown.ts'

/** Bytes to be read once, from the first to the last. */
export interface ByteInput {
  /** The path, or `standard input`. */
  readonly name: string
  /** In bytes, where it is known. */
  readonly size: number | undefined
  /** Reads into `target` from `offset` on; how many bytes came, 0 at the end. */
  read(target: Uint8Array, offset: number): Promise<number>
  close(): Promise<void>
}

const standardInputName = 'standard input'

const whatToDo: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; check the path, or use - for standard input',
  EISDIR: 'it is a directory; name a file in it',
  EACCES: 'this user may not read it; check its permissions',
  EPERM: 'this user may not read it; check its permissions',
}

/**
 * Opens the file at `path`, or standard input for `-`.
 *
 * @throws InturnError `input-unreadable`
 */
export async function openInput(path: string): Promise<ByteInput> {
  if (path === '-') return standardInput()
  const handle = await open(path, 'r').catch((error: unknown) => fail(path, error))
  const stats = await handle.stat()
  if (stats.isDirectory()) {
    await handle.close()
    throw unreadable(path, 'EISDIR')
  }
  return fileInput(path, handle, stats)
}

function fileInput(path: string, handle: FileHandle, stats: Stats): ByteInput {
  return {
    name: path,
    size: stats.isFile() ? stats.size : undefined,
    read: async (target, offset) => {
      const { bytesRead } = await handle
        .read(target, offset, target.length - offset)
        .catch((error: unknown) => fail(path, error))
      return bytesRead
    },
    close: () => handle.close(),
  }
}

/** Whether an input without a single event is as it should be. */
export interface EmptyInput {
  /** Default: yes. */
  readonly allowEmpty?: boolean
}

/**
 * For the end of an input.
 *
 * @throws InturnError `input-unreadable` where nothing was in it, and that is not allowed
 */
export function checkNotEmpty(
  { name }: ByteInput,
  isEmpty: boolean,
  { allowEmpty = true }: EmptyInput,
): void {
  if (allowEmpty || !isEmpty) return
  const message = `${name} holds no events; if that is as it should be, add --allow-empty`
  throw new InturnError('input-unreadable', message)
}

function standardInput(): ByteInput {
  // A folder there would read as nothing at all.
  if (fstatSync(0).isDirectory()) throw unreadable(standardInputName, 'EISDIR')
  const chunks = process.stdin[Symbol.asyncIterator]()
  let rest: Uint8Array = new Uint8Array(0)
  return {
    name: standardInputName,
    size: undefined,
    read: async (target, offset) => {
      while (rest.length === 0) {
        const next = await chunks.next().catch((error: unknown) => fail(standardInputName, error))
        if (next.done === true) return 0
        rest = Buffer.from(next.value)
      }
      const taken = rest.subarray(0, target.length - offset)
      target.set(taken, offset)
      rest = rest.subarray(taken.length)
      return taken.length
    },
    close: async () => {
      await chunks.return?.()
    },
  }
}

function fail(name: string, error: unknown): never {
  const code = errorCode(error)
  throw unreadable(name, code, error)
}

function unreadable(name: string, code: string, cause?: unknown): InturnError {
  const because = whatToDo[code] ?? (cause === undefined ? code : errorMessage(cause))
  return new InturnError('input-unreadable', `Cannot read ${name}: ${because}`, { cause })
}

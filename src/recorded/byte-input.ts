// Opens a recorded log, a file, standard input or messages of the program itself, for reading in order, and
// says in one line why it cannot. A log that was packed to be archived is unpacked while it is read.
import type { Stats } from 'node:fs'
import { fstatSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { pipeline, Readable } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import type { Gunzip, ZstdDecompress } from 'node:zlib'
import { InturnError } from '../core/errors.ts'
import { rawNumber } from '../core/exact-number.ts'
import { errorCode, errorMessage } from '../core/thrown.ts'

/** A message: its JSON as text or as UTF-8 bytes, or what a JSON object was read as; `bigint` is exact. */
export type RecordedMessage = string | Uint8Array | Readonly<Record<string, unknown>>

/** A recorded log: the path of a file, `-` for standard input, or messages in the order of their arrival. */
export type RecordedLog = string | Iterable<RecordedMessage> | AsyncIterable<RecordedMessage>

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

/** Called with the bytes of a file as they are read, packed or not. */
type OnBytes = (bytes: Uint8Array) => void

const standardInputName = 'standard input'
const newline = Uint8Array.of(0x0a)
const chunkBytes = 64 * 1024

const whatToDo: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; check the path, or use - for standard input',
  EISDIR: 'it is a directory; name a file in it',
  EACCES: 'this user may not read it; check its permissions',
  EPERM: 'this user may not read it; check its permissions',
}

interface Packing {
  readonly name: string
  /** What it begins with. */
  readonly magic: readonly number[]
  readonly unpack: () => Gunzip | ZstdDecompress
}

const packings: readonly Packing[] = [
  { name: 'gzip', magic: [0x1f, 0x8b], unpack: createGunzip },
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd], unpack: createZstdDecompress },
]

/**
 * Opens a log. What begins as gzip or Zstandard do is unpacked, whatever its name is. What its messages' own
 * iterator throws comes as it is.
 *
 * @throws InturnError `input-unreadable`
 */
export async function openInput(path: RecordedLog, onBytes?: OnBytes): Promise<ByteInput> {
  if (typeof path !== 'string') return inputOf('the input', linesOf(path))
  if (path === '-') return unpacked(observed(standardInput(), onBytes))
  const handle = await open(path, 'r').catch((error: unknown) => fail(path, error))
  const stats = await handle.stat()
  if (stats.isDirectory()) {
    await handle.close()
    throw unreadable(path, 'EISDIR')
  }
  return unpacked(observed(fileInput(path, handle, stats), onBytes))
}

function observed(input: ByteInput, onBytes: OnBytes = () => undefined): ByteInput {
  return {
    ...input,
    read: async (target, offset) => {
      const length = await input.read(target, offset)
      onBytes(target.subarray(offset, offset + length))
      return length
    },
  }
}

async function unpacked(input: ByteInput): Promise<ByteInput> {
  const head = new Uint8Array(4)
  let length = 0
  for (let came = 1; came > 0 && length < head.length; length += came) came = await input.read(head, length)
  const packing = packings.find(({ magic }) => magic.every((byte, at) => head[at] === byte))
  const whole = headFirst(head.subarray(0, length), input)
  if (packing === undefined) return whole
  const plain = inputOf(input.name, unpackedChunks(packing, whole))
  const close = async (): Promise<void> => {
    await plain.close()
    await input.close()
  }
  return { ...plain, close }
}

/** An input of which the first bytes were read already. */
function headFirst(head: Uint8Array, input: ByteInput): ByteInput {
  const rest = new Rest(head)
  return {
    name: input.name,
    size: input.size,
    read: async (target, offset) => rest.give(target, offset) || input.read(target, offset),
    close: () => input.close(),
  }
}

/** Bytes that are there, and given a part at a time. */
class Rest {
  #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Gives what fits behind `offset`; how many bytes, 0 once all are given. */
  give(target: Uint8Array, offset: number): number {
    const taken = this.#bytes.subarray(0, target.length - offset)
    target.set(taken, offset)
    this.#bytes = this.#bytes.subarray(taken.length)
    return taken.length
  }
}

async function* unpackedChunks(
  { name, unpack }: Packing,
  input: ByteInput,
): AsyncGenerator<Uint8Array, void, void> {
  let given = 0
  const packed = async function* (): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      const chunk = Buffer.allocUnsafe(chunkBytes)
      const length = await input.read(chunk, 0)
      if (length === 0) return
      given += length
      yield chunk.subarray(0, length)
    }
  }
  const unpacking = unpack()
  const chunks: AsyncIterable<Uint8Array> = pipeline(
    Readable.from(packed(), { objectMode: false }),
    unpacking,
    () => undefined,
  )
  try {
    yield* chunks
  } catch (error) {
    if (error instanceof InturnError) throw error
    const why = `what is packed with ${name} is damaged or cut off (${errorMessage(error)})`
    throw new InturnError('input-unreadable', `Cannot read ${input.name}: ${why}`, { cause: error })
  }
  // Node unpacks the first frame of Zstandard alone, and says nothing of what follows it.
  const isAll = given === unpacking.bytesWritten && (await input.read(new Uint8Array(1), 0)) === 0
  if (isAll) return
  const advice = `unpack it first, for example ${name} -dc ... | inturn ... -`
  const why = `something follows what is packed with ${name}; ${advice}`
  throw new InturnError('input-unreadable', `Cannot read ${input.name}: ${why}`)
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
  return inputOf(standardInputName, standardInputChunks())
}

async function* standardInputChunks(): AsyncGenerator<Uint8Array, void, void> {
  try {
    for await (const chunk of process.stdin) yield Buffer.from(chunk)
  } catch (error) {
    fail(standardInputName, error)
  }
}

/** What comes in chunks of any size. */
function inputOf(name: string, chunks: AsyncGenerator<Uint8Array, void, void>): ByteInput {
  let rest = new Rest(new Uint8Array(0))
  return {
    name,
    size: undefined,
    read: async (target, offset) => {
      for (;;) {
        const given = rest.give(target, offset)
        if (given > 0) return given
        const next = await chunks.next()
        if (next.done === true) return 0
        rest = new Rest(next.value)
      }
    },
    close: async () => {
      await chunks.return()
    },
  }
}

/** Messages as lines of NDJSON, many of them a chunk. */
async function* linesOf(messages: Exclude<RecordedLog, string>): AsyncGenerator<Uint8Array, void, void> {
  let lines: Uint8Array[] = []
  let length = 0
  for await (const message of messages) {
    const line = lineOf(message)
    lines.push(line, newline)
    length += line.length + 1
    if (length < chunkBytes) continue
    yield Buffer.concat(lines)
    lines = []
    length = 0
  }
  yield Buffer.concat(lines)
}

function lineOf(message: RecordedMessage): Uint8Array {
  if (message instanceof Uint8Array) return onOneLine(message)
  const text: unknown = typeof message === 'string' ? message : JSON.stringify(message, exactly)
  return onOneLine(Buffer.from(String(text)))
}

/** A message is one line: between the parts of JSON a newline is white space, within one it is wrong. */
function onOneLine(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(0x0a)) return bytes
  const instead = isJson(Buffer.from(bytes).toString()) ? 0x20 : 0x00
  return bytes.map((byte) => (byte === 0x0a ? instead : byte))
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return text.trim() === ''
  }
}

function exactly(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? rawNumber(String(value)) : value
}

function fail(name: string, error: unknown): never {
  const code = errorCode(error)
  throw unreadable(name, code, error)
}

function unreadable(name: string, code: string, cause?: unknown): InturnError {
  const because = whatToDo[code] ?? (cause === undefined ? code : errorMessage(cause))
  return new InturnError('input-unreadable', `Cannot read ${name}: ${because}`, { cause })
}

// The stored form of a stream's state: a few bytes for what nearly every stream has (position, baseline,
// delivered count, conflict memory, the newest time, duplicates), and JSON behind them for the rest. About 85
// bytes with a full memory of 16, and some 10 more with duplicates.
import { InturnError } from './errors.ts'
import type { Sequence } from './sequence.ts'
import { toSequence } from './sequence.ts'
import type { StreamState } from './stream-state.ts'
import { unknownStream } from './stream-state.ts'
import { ByteReader, ByteWriter } from './varints.ts'

const version = 2
const hasRuns = 1
const hasRest = 2
const hasNewest = 4
const hasFirstPrint = 8
const hasDuplicates = 16
const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** The fields that the compact head carries when their values allow it. */
type Rest = Partial<Record<keyof StreamState, unknown>>

/** Where states are encoded, one at a time. */
const scratch = new ByteWriter()

/** A stream's state as bytes. */
export function encodeState(state: StreamState): Uint8Array {
  return scratch.written(() => writeState(scratch, state))
}

/** Writes a stream's state behind what a writer has. */
export function writeState(writer: ByteWriter, state: StreamState): void {
  const { position, baseline, memory, epoch, counts } = state
  const isCompact = isSmall(position) && isSmall(baseline)
  const isRun = isCompact && isMemoryRun(state)
  const text = restText(state, { isCompact, isRun })
  const prints = isRun ? memory.length / 3 : 0
  writer.reserve(headMax + prints * 4)
  writer.numbers([
    version,
    flagsOf(state) | (isRun ? hasRuns : 0) | (text === undefined ? 0 : hasRest),
    epoch < 0 ? 0 : epoch,
    isCompact && position !== undefined ? Number(position) + 1 : 0,
    isCompact && baseline !== undefined ? Number(baseline) + 1 : 0,
    counts.delivered,
    prints,
  ])
  if (isRun) writer.words(memory, 2, 3)
  writeHistory(writer, state)
  if (text !== undefined) writer.append(encoder.encode(text))
}

/** More than the head takes without its memory: ten numbers and a fingerprint. */
const headMax = 100

function restText(
  state: StreamState,
  { isCompact, isRun }: { readonly isCompact: boolean; readonly isRun: boolean },
): string | undefined {
  const rest = restOf(state)
  if (!isCompact) Object.assign(rest, { position: state.position, baseline: state.baseline })
  if (!isRun && state.memory.length > 0) rest.memory = state.memory
  for (const _ in rest) return JSON.stringify(rest, markBigints)
  return undefined
}

function flagsOf({ newest, firstPrint, duplicates }: StreamState): number {
  return (
    (newest === undefined ? 0 : hasNewest) |
    (firstPrint === undefined ? 0 : hasFirstPrint) |
    (duplicates === undefined ? 0 : hasDuplicates)
  )
}

/** What a producer that counts again is known by, and the duplicates. */
function writeHistory(writer: ByteWriter, { newest, firstPrint, duplicates }: StreamState): void {
  if (newest !== undefined) writer.number(newest)
  if (firstPrint !== undefined) writer.word(firstPrint)
  if (duplicates === undefined) return
  writer.number(duplicates.count)
  writer.number(duplicates.firstAt)
  writer.number(Math.max(0, duplicates.lastAt - duplicates.firstAt))
}

function readHistory(
  reader: ByteReader,
  flags: number,
): Pick<StreamState, 'newest' | 'firstPrint' | 'duplicates'> {
  const newest = (flags & hasNewest) === 0 ? undefined : reader.number()
  const firstPrint = (flags & hasFirstPrint) === 0 ? undefined : reader.word()
  if ((flags & hasDuplicates) === 0) return { newest, firstPrint, duplicates: undefined }
  const [count, firstAt] = [reader.number(), reader.number()]
  return { newest, firstPrint, duplicates: { count, firstAt, lastAt: firstAt + reader.number() } }
}

/**
 * A stream's state from its bytes, which begin at a place of those given.
 *
 * @throws InturnError `store-corrupt` when the bytes are none that {@link encodeState} wrote
 */
export function decodeState(bytes: Uint8Array, from = 0): StreamState {
  if (bytes[from] !== version) {
    const found = `has format ${bytes[from] ?? 'none'}, and this inturn reads ${version}`
    throw new InturnError('store-corrupt', `a stream's state ${found}: another version wrote it`)
  }
  const flags = bytes[from + 1] ?? 0
  const reader = new ByteReader(bytes, from + 2)
  const epoch = reader.number()
  const position = reader.number()
  const baseline = reader.number()
  const delivered = reader.number()
  const prints = reader.number()
  // oxlint-disable-next-line unicorn/no-new-array -- of its length at once: a list that grows is copied
  const memory = new Array<Sequence>(prints * 3)
  for (let at = 0; at < prints; at++) {
    memory[at * 3] = epoch
    memory[at * 3 + 1] = position - prints + at
    memory[at * 3 + 2] = reader.word()
  }
  const { newest, firstPrint, duplicates } = readHistory(reader, flags)
  const state: StreamState = {
    ...unknownStream,
    newest,
    firstPrint,
    duplicates,
    epoch,
    position: position === 0 ? undefined : position - 1,
    baseline: baseline === 0 ? undefined : baseline - 1,
    memory,
    counts: { ...unknownStream.counts, delivered },
  }
  if ((flags & hasRest) === 0) return state
  const rest = readRest(bytes.subarray(reader.at))
  return { ...state, ...rest, counts: { ...state.counts, ...rest.counts } }
}

function restOf(state: StreamState): Rest {
  const rest: Rest = {}
  if (state.lost.length > 0) rest.lost = state.lost
  if (state.filled.length > 0) rest.filled = state.filled
  if (state.belowBaseline.length > 0) rest.belowBaseline = state.belowBaseline
  if (state.ended.length > 0) rest.ended = state.ended
  if (state.endedNumbers !== 0) rest.endedNumbers = state.endedNumbers
  if (state.held.length > 0) rest.held = state.held
  if (state.heldCount !== 0) rest.heldCount = state.heldCount
  addRuns(rest, state)
  if (state.seen.length > 0) rest.seen = state.seen
  if (state.logged !== undefined) rest.logged = state.logged
  if (state.provenAbove !== undefined) rest.provenAbove = state.provenAbove
  if (state.halt !== undefined) rest.halt = state.halt
  if (state.failing !== undefined) rest.failing = state.failing
  if (state.quarantine !== 0) rest.quarantine = state.quarantine
  if (state.suspects !== 0) rest.suspects = state.suspects
  if (state.epoch < 0) rest.epoch = state.epoch
  const { filtered, filled, lost, removed, late, imported, recalled } = state.counts
  if (filtered + filled + lost + removed + late + imported + recalled > 0) rest.counts = state.counts
  return rest
}

function addRuns(rest: Rest, { ahead, producers, restart, runs }: StreamState): void {
  if (ahead.length > 0) rest.ahead = ahead
  if (producers.length > 0) rest.producers = producers
  if (restart !== undefined) rest.restart = restart
  if (runs.length > 0) rest.runs = runs
}

function isSmall(sequence: Sequence | undefined): boolean {
  return sequence === undefined || (typeof sequence === 'number' && sequence >= 0)
}

/**
 * Whether the memory is the run of numbers that ends at the position, so that only the fingerprints matter.
 */
function isMemoryRun(state: StreamState): boolean {
  const { memory, position, epoch } = state
  const entries = memory.length / 3
  if (typeof position !== 'number' || entries > 255 || epoch < 0) return false
  for (let index = 0; index < entries; index++) {
    if (memory[index * 3] !== epoch || memory[index * 3 + 1] !== position - (entries - 1 - index))
      return false
  }
  return true
}

function markBigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? { $bigint: value.toString() } : value
}

function readRest(bytes: Uint8Array): Partial<StreamState> {
  try {
    const rest: unknown = JSON.parse(decoder.decode(bytes), reviveBigint)
    if (typeof rest === 'object' && rest !== null) return rest
  } catch (cause) {
    throw new InturnError('store-corrupt', "a stream's state is cut off or damaged", { cause })
  }
  throw new InturnError('store-corrupt', "a stream's state has no fields behind its head")
}

function reviveBigint(_key: string, value: unknown): unknown {
  const isBig = typeof value === 'object' && value !== null && '$bigint' in value
  return isBig ? toSequence(BigInt(String(value.$bigint))) : value
}

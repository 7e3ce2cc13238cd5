// The stored form of a stream's state: a few bytes for what nearly every stream has (position, baseline,
// delivered count, conflict memory, the newest time, duplicates), and JSON behind them for the rest. About 85
// bytes with a full memory of 16, and some 10 more with duplicates.
import { InturnError } from './errors.ts'
import type { Sequence } from './sequence.ts'
import { toSequence } from './sequence.ts'
import type { StreamState } from './stream-state.ts'
import { unknownStream } from './stream-state.ts'

const version = 1
const hasRuns = 1
const hasRest = 2
const hasNewest = 4
const hasFirstPrint = 8
const hasDuplicates = 16
const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** The fields that the compact head carries when their values allow it. */
type Rest = Partial<Record<keyof StreamState, unknown>>

/** A stream's state as bytes. */
export function encodeState(state: StreamState): Uint8Array {
  const rest = restOf(state)
  const isCompact = isSmall(state.position) && isSmall(state.baseline)
  if (!isCompact) Object.assign(rest, { position: state.position, baseline: state.baseline })
  const isRun = isCompact && isMemoryRun(state)
  if (!isRun && state.memory.length > 0) rest.memory = state.memory
  const text = Object.keys(rest).length === 0 ? undefined : encoder.encode(JSON.stringify(rest, markBigints))
  const prints = isRun ? state.memory.length / 3 : 0
  const bytes = new Uint8Array(headMax + prints * 4 + (text?.length ?? 0))
  bytes[0] = version
  bytes[1] = flagsOf(state) | (isRun ? hasRuns : 0) | (text === undefined ? 0 : hasRest)
  let at = writeNumber(bytes, 2, state.epoch < 0 ? 0 : state.epoch)
  at = writeNumber(bytes, at, isCompact && state.position !== undefined ? Number(state.position) + 1 : 0)
  at = writeNumber(bytes, at, isCompact && state.baseline !== undefined ? Number(state.baseline) + 1 : 0)
  at = writeNumber(bytes, at, state.counts.delivered)
  bytes[at++] = prints
  for (let index = 0; index < prints; index++) at = writePrint(bytes, at, Number(state.memory[index * 3 + 2]))
  at = writeHistory(bytes, at, state)
  if (text !== undefined) {
    bytes.set(text, at)
    at += text.length
  }
  return bytes.subarray(0, at)
}

/** More than the head takes without its memory: nine numbers and a fingerprint. */
const headMax = 96

function flagsOf({ newest, firstPrint, duplicates }: StreamState): number {
  return (
    (newest === undefined ? 0 : hasNewest) |
    (firstPrint === undefined ? 0 : hasFirstPrint) |
    (duplicates === undefined ? 0 : hasDuplicates)
  )
}

/** What a producer that counts again is known by, and the duplicates. */
function writeHistory(bytes: Uint8Array, start: number, state: StreamState): number {
  const { newest, firstPrint, duplicates } = state
  let at = start
  if (newest !== undefined) at = writeNumber(bytes, at, newest)
  if (firstPrint !== undefined) at = writePrint(bytes, at, firstPrint)
  if (duplicates === undefined) return at
  at = writeNumber(bytes, at, duplicates.count)
  at = writeNumber(bytes, at, duplicates.firstAt)
  return writeNumber(bytes, at, Math.max(0, duplicates.lastAt - duplicates.firstAt))
}

function readHistory(
  bytes: Uint8Array,
  start: number,
  flags: number,
): [Pick<StreamState, 'newest' | 'firstPrint' | 'duplicates'>, next: number] {
  let at = start
  const number = (): number => {
    const [value, next] = readNumber(bytes, at)
    at = next
    return value
  }
  const newest = (flags & hasNewest) === 0 ? undefined : number()
  const firstPrint = (flags & hasFirstPrint) === 0 ? undefined : readPrint(bytes, at)
  if (firstPrint !== undefined) at += 4
  if ((flags & hasDuplicates) === 0) return [{ newest, firstPrint, duplicates: undefined }, at]
  const [count, firstAt] = [number(), number()]
  return [{ newest, firstPrint, duplicates: { count, firstAt, lastAt: firstAt + number() } }, at]
}

/**
 * A stream's state from its bytes.
 *
 * @throws InturnError `store-corrupt` when the bytes are none that {@link encodeState} wrote
 */
export function decodeState(bytes: Uint8Array): StreamState {
  if (bytes[0] !== version) {
    throw new InturnError('store-corrupt', `a stream's state has the unknown format ${bytes[0] ?? 'empty'}`)
  }
  const flags = bytes[1] ?? 0
  const [epoch, afterEpoch] = readNumber(bytes, 2)
  const [position, afterPosition] = readNumber(bytes, afterEpoch)
  const [baseline, afterBaseline] = readNumber(bytes, afterPosition)
  const [delivered, afterDelivered] = readNumber(bytes, afterBaseline)
  const prints = bytes[afterDelivered] ?? 0
  const memory: Sequence[] = []
  let at = afterDelivered + 1
  for (let index = 0; index < prints; index++, at += 4) {
    memory.push(epoch, position - 1 - (prints - 1 - index), readPrint(bytes, at))
  }
  const [history, restAt] = readHistory(bytes, at, flags)
  const state: StreamState = {
    ...unknownStream,
    ...history,
    epoch,
    position: position === 0 ? undefined : position - 1,
    baseline: baseline === 0 ? undefined : baseline - 1,
    memory,
    counts: { ...unknownStream.counts, delivered },
  }
  if ((flags & hasRest) === 0) return state
  const rest = readRest(bytes.subarray(restAt))
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
  if (state.producers.length > 0) rest.producers = state.producers
  if (state.restart !== undefined) rest.restart = state.restart
  if (state.runs.length > 0) rest.runs = state.runs
  if (state.provenAbove !== undefined) rest.provenAbove = state.provenAbove
  if (state.halt !== undefined) rest.halt = state.halt
  if (state.failing !== undefined) rest.failing = state.failing
  if (state.caution !== 0) rest.caution = state.caution
  if (state.overflow !== 0) rest.overflow = state.overflow
  if (state.epoch < 0) rest.epoch = state.epoch
  const { filtered, filled, lost, removed, late, imported, recalled } = state.counts
  if (filtered + filled + lost + removed + late + imported + recalled > 0) rest.counts = state.counts
  return rest
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

function writeNumber(bytes: Uint8Array, start: number, value: number): number {
  let at = start
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) + 128
  bytes[at++] = rest
  return at
}

function readNumber(bytes: Uint8Array, start: number): [value: number, next: number] {
  let value = 0
  let scale = 1
  let at = start
  for (let byte = bytes[at++]; byte !== undefined; byte = bytes[at++]) {
    value += (byte % 128) * scale
    if (byte < 128) return [value, at]
    scale *= 128
  }
  throw new InturnError('store-corrupt', `a stream's state ends in the middle of a number`)
}

function writePrint(bytes: Uint8Array, at: number, print: number): number {
  bytes[at] = print & 255
  bytes[at + 1] = (print >>> 8) & 255
  bytes[at + 2] = (print >>> 16) & 255
  bytes[at + 3] = print >>> 24
  return at + 4
}

function readPrint(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(at, at + 4)
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0
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

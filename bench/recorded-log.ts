// Writes the log that the audit benches read: seeded, 3 million lines of about 157 bytes over 100,000
// streams, with a few numbers dropped, repeated and late, as an at-least-once transport leaves them.
import { closeSync, existsSync, openSync, renameSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const lineCount = 3_000_000
const streamCount = 100_000
const seed = 20_260_101
const lookBack = 64

/** The path of the log, which is written once and kept in the system's temporary folder. */
export function recordedLog(): string {
  const path = join(tmpdir(), `inturn-bench-${lineCount}-${streamCount}-${seed}.ndjson`)
  if (!existsSync(path)) {
    writeLog(`${path}.part`)
    renameSync(`${path}.part`, path)
  }
  return path
}

function writeLog(path: string): void {
  const random = mulberry32(seed)
  const sequences = new Uint32Array(streamCount)
  const recent: string[] = []
  const file = openSync(path, 'w')
  let text = ''
  for (let line = 0; line < lineCount; line++) {
    const stream = Math.floor(random() * streamCount)
    const chance = random()
    if (chance < 0.002) sequences[stream] = (sequences[stream] ?? 0) + 1
    const sequence = (sequences[stream] ?? 0) + 1
    sequences[stream] = sequence
    recent.push(eventLine(stream, sequence, random))
    if (chance > 0.995) text += recent[Math.floor(random() * recent.length)]
    if (recent.length > lookBack) text += recent.splice(chance > 0.98 ? lookBack / 2 : 0, 1)[0]
    if (text.length > 4_000_000) {
      writeSync(file, text)
      text = ''
    }
  }
  writeSync(file, text + recent.join(''))
  closeSync(file)
}

function eventLine(stream: number, sequence: number, random: () => number): string {
  const hex = (): string =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  const id = `${hex()}${hex()}${hex()}`
  const amount = Math.floor(random() * 1_000_000) / 100
  const time = new Date(1_767_225_600_000 + Math.floor(random() * 1e9)).toISOString()
  return (
    `{"stream":"account-${String(stream).padStart(6, '0')}","sequence":${sequence},"id":"${id}",` +
    `"time":"${time}","type":"account.updated","data":{"amount":${amount}}}\n`
  )
}

/** A small seeded generator of numbers from 0 to below 1 (mulberry32 by Tommy Ettinger, public domain). */
function mulberry32(start: number): () => number {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

// The audit's rules said a second time, as plainly as can be and in quadratic time: what the fast one must
// equal.
import type { RecordedLine } from '../../../src/recorded/recorded-line.ts'

interface NaiveEvent {
  readonly stream: string
  readonly epoch: number
  readonly sequence: bigint
  readonly id: string | undefined
  readonly previous: bigint | null | undefined
}

export interface NaiveReport {
  unique: number
  duplicates: number
  conflicts: number
  invalid: number
  fills: number
  filled: number
  missing: bigint
  gaps: { stream: string; epoch: number; from: bigint; to: bigint }[]
  outOfOrder: number
  reorderExtentMax: number
  forks: number
}

interface Options {
  readonly numbering: 'contiguous' | 'increasing' | 'linked'
  readonly start: bigint | 'lowest'
}

interface Epoch {
  readonly key: string
  readonly stream: string
  readonly epoch: number
  /** First copies, in order of arrival in the stream. */
  readonly firsts: Map<bigint, NaiveEvent>
  readonly filled: Set<bigint>
}

export function naiveAudit(lines: readonly RecordedLine[], options: Options): NaiveReport {
  const epochs = new Map<string, Epoch>()
  const arrivals = new Map<string, NaiveEvent[]>()
  const report = emptyReport()
  for (const line of lines) {
    if (line.kind === 'invalid') {
      report.invalid++
      continue
    }
    const key = `${line.stream} ${line.epoch}`
    const { stream, epoch: number } = line
    if (!arrivals.has(stream)) arrivals.set(stream, [])
    const epoch: Epoch = epochs.get(key) ?? {
      key,
      stream,
      epoch: number,
      firsts: new Map(),
      filled: new Set<bigint>(),
    }
    epochs.set(key, epoch)
    if (line.kind === 'fill') {
      report.fills++
      for (let n = BigInt(line.from); n <= BigInt(line.to); n++) if (!epoch.firsts.has(n)) epoch.filled.add(n)
      continue
    }
    const { previous } = line
    const event = {
      stream,
      epoch: number,
      sequence: BigInt(line.sequence),
      id: line.id,
      previous: previous === undefined || previous === null ? previous : BigInt(previous),
    }
    const first = epoch.firsts.get(event.sequence)
    if (epoch.filled.has(event.sequence)) report.conflicts++
    else if (first === undefined) {
      report.unique++
      epoch.firsts.set(event.sequence, event)
      arrivals.get(stream)?.push(event)
    } else if (first.id === event.id) report.duplicates++
    else report.conflicts++
  }
  for (const events of arrivals.values()) addReordering(events, report)
  const order = [...arrivals.keys()]
  const sorted = [...epochs.values()].sort(
    (a, b) => order.indexOf(a.stream) - order.indexOf(b.stream) || a.epoch - b.epoch,
  )
  for (const epoch of sorted) {
    report.filled += epoch.filled.size
    if (options.numbering === 'contiguous') addContiguousGaps(epoch, options.start, report)
    if (options.numbering === 'linked') addLinkedGaps(epoch, options.start, report)
  }
  return report
}

function emptyReport(): NaiveReport {
  return {
    unique: 0,
    duplicates: 0,
    conflicts: 0,
    invalid: 0,
    fills: 0,
    filled: 0,
    missing: 0n,
    gaps: [],
    outOfOrder: 0,
    reorderExtentMax: 0,
    forks: 0,
  }
}

function isGreater(a: NaiveEvent, b: NaiveEvent): boolean {
  return a.epoch !== b.epoch ? a.epoch > b.epoch : a.sequence > b.sequence
}

function addReordering(events: readonly NaiveEvent[], report: NaiveReport): void {
  for (const [i, event] of events.entries()) {
    const j = events.slice(0, i).findIndex((earlier) => isGreater(earlier, event))
    if (j === -1) continue
    report.outOfOrder++
    report.reorderExtentMax = Math.max(report.reorderExtentMax, i - j)
  }
}

function addContiguousGaps(epoch: Epoch, start: bigint | 'lowest', report: NaiveReport): void {
  const seen = [...epoch.firsts.keys(), ...epoch.filled]
  const low = seen.reduce((a, b) => (a < b ? a : b))
  const high = seen.reduce((a, b) => (a > b ? a : b))
  let from: bigint | undefined
  for (let n = start === 'lowest' ? low : start; n <= high; n++) {
    const isThere = epoch.firsts.has(n) || epoch.filled.has(n)
    if (!isThere) {
      report.missing++
      from ??= n
    } else if (from !== undefined) {
      report.gaps.push({ stream: epoch.stream, epoch: epoch.epoch, from, to: n - 1n })
      from = undefined
    }
  }
}

function addLinkedGaps(epoch: Epoch, start: bigint | 'lowest', report: NaiveReport): void {
  const borne = [...epoch.firsts.keys()]
  const lowest = borne.reduce((a, b) => (a < b ? a : b))
  const named = new Map<bigint | null, number>()
  for (const { previous } of epoch.firsts.values()) {
    if (previous !== undefined) named.set(previous, (named.get(previous) ?? 0) + 1)
  }
  for (const count of named.values()) report.forks += count - 1
  const from = start === 'lowest' ? lowest : start
  const isWanted = (n: bigint | null): n is bigint => n !== null && !epoch.firsts.has(n) && n >= from
  const links = [...named.keys()].filter(isWanted).sort((a, b) => (a < b ? -1 : 1))
  for (const to of links) {
    const below = [...borne, ...named.keys()].filter((n): n is bigint => n !== null && n < to)
    const last = below.reduce((a, b) => (a > b ? a : b), from - 1n)
    report.missing++
    report.gaps.push({
      stream: epoch.stream,
      epoch: epoch.epoch,
      from: last + 1n > from || start === 'lowest' ? last + 1n : from,
      to,
    })
  }
}

// Brings the positions of an existing tracker into a store: each stream atomically, and only where nothing is
// known of it yet. Upholds I3: what cannot be imported is told one by one, and changes nothing.
import { InturnError } from '../core/errors.ts'
import { importPosition } from '../core/operating/import-position.ts'
import { readEpoch } from '../core/read-sequence.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import { comparePositions, toSequence } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { parseStreamPath, streamBytesDefault } from '../core/stream-path.ts'
import type { StreamState } from '../core/stream-state.ts'
import type { LedgerEntry } from '../ports/records.ts'
import type { StreamChange, UnitOfWork } from '../ports/store.ts'
import { systemTimers } from '../ports/timers.ts'
import type { DomainRules } from './domain-rules.ts'
import type { Operator, OperatorTarget } from './operator-options.ts'
import { checkOperator, operatorWaitMs } from './operator-options.ts'
import { tellingParts } from './telling-parts.ts'
import { operatorWorker } from './with-claim.ts'

/** One stream's position elsewhere. */
export interface PositionRow {
  readonly stream: StreamPath
  readonly epoch: Epoch
  /** The last number that was handled. Unwrapped, where the domain's counter wraps. */
  readonly position: Sequence
  /** Where it was read, for people: `line 7`. */
  readonly origin: string
}

/** A row that cannot be imported as it is: its text could not be read. */
export interface UnreadableRow {
  readonly origin: string
  readonly problem: string
}

/** A row that was refused, and why. */
export interface RefusedRow {
  readonly origin: string
  readonly stream?: StreamPath
  readonly why: string
}

/** What an import came to. */
export interface ImportSummary {
  readonly imported: number
  readonly refused: number
}

/** Who imports, and who is told of what is refused. */
export interface ImportRequest extends Operator {
  readonly onRefused: (row: RefusedRow) => void
  /** How long to try while a worker has a stream, in milliseconds. Default 10,000. */
  readonly waitMs?: number
  /** The longest stream key of the workers, in bytes. Default 512. */
  readonly streamBytesMax?: number
}

const claimMs = 30_000
const rowsAtOnce = 500
const pauseMs = 50

/**
 * Imports positions; rows are read as they come and worked off in batches.
 *
 * @throws InturnError `usage` without name or reason, or without the rules of any domain
 */
export async function importPositions(
  target: OperatorTarget,
  rows: AsyncIterable<PositionRow | UnreadableRow>,
  request: ImportRequest,
): Promise<ImportSummary> {
  checkOperator(request)
  if (target.domains.size === 0) {
    throw new InturnError(
      'usage',
      'an import needs the rules of its domains: name the configuration with --config',
    )
  }
  const counts = { imported: 0, refused: 0 }
  const refuse = (row: RefusedRow): void => {
    counts.refused++
    request.onRefused(row)
  }
  let open = new Map<StreamPath, PositionRow>()
  const work = async (): Promise<void> => {
    counts.imported += await importBatch(target, { rows: open, request, refuse })
    open = new Map<StreamPath, PositionRow>()
  }
  for await (const row of rows) {
    const problem = problemOf(target, row, request.streamBytesMax)
    if (problem !== undefined || 'problem' in row) refuse(refusal(row, problem ?? ''))
    else {
      // A program may have any number as a bigint.
      const position = typeof row.position === 'bigint' ? toSequence(row.position) : row.position
      if (open.has(row.stream) || open.size >= rowsAtOnce) await work()
      open.set(row.stream, { ...row, position })
    }
  }
  await work()
  return counts
}

/** Why a row is no position of a stream that a worker could ever get an event of. */
function problemOf(
  { domains }: OperatorTarget,
  row: PositionRow | UnreadableRow,
  streamBytesMax = streamBytesDefault,
): string | undefined {
  if ('problem' in row) return row.problem
  const { domain = '', stream = '' } = parseStreamPath(row.stream) ?? {}
  if (!domains.has(domain)) return `the configuration has no tracked domain ${domain}`
  if (stream === '') return 'it names no stream'
  const epoch = readEpoch(row.epoch)
  if (typeof epoch === 'string') return `epoch-${epoch}`
  const bytes = Buffer.byteLength(stream)
  return bytes > streamBytesMax ? `the stream key has ${bytes} bytes, more than ${streamBytesMax}` : undefined
}

function refusal(row: PositionRow | UnreadableRow, why: string): RefusedRow {
  const { origin } = row
  return 'stream' in row ? { origin, stream: row.stream, why } : { origin, why }
}

/** One batch: each of its streams once. */
interface Batch {
  readonly rows: ReadonlyMap<StreamPath, PositionRow>
  readonly request: ImportRequest
  readonly refuse: (row: RefusedRow) => void
}

/** Imports a batch; says how many rows were imported. */
async function importBatch(target: OperatorTarget, batch: Batch): Promise<number> {
  const { store, consumer, timers = systemTimers } = target
  const { request, refuse } = batch
  const until = timers.elapsedMs() + (request.waitMs ?? operatorWaitMs)
  let imported = 0
  let left = batch.rows
  while (left.size > 0) {
    const worker = operatorWorker(request.by)
    const work = { consumer, worker, streams: [...left.keys()], mode: 'claim', claimMs } as const
    const { value } = await store.work(work, (unit) => importWon(target, unit, { ...batch, rows: left }))
    imported += value.imported
    left = new Map([...left].filter(([stream]) => value.again.has(stream)))
    if (left.size > 0 && timers.elapsedMs() >= until) {
      for (const row of left.values()) refuse(refusal(row, 'a worker has the stream all the while'))
      return imported
    }
    if (left.size > 0) await timers.sleep(pauseMs)
  }
  return imported
}

async function importWon(
  { domains }: OperatorTarget,
  unit: UnitOfWork,
  { rows, request, refuse }: Batch,
): Promise<{ readonly imported: number; readonly again: ReadonlySet<StreamPath> }> {
  const changes: StreamChange[] = []
  for (const [stream, { state, inbox }] of unit.streams) {
    const row = rows.get(stream)
    const known = domains.get(parseStreamPath(stream)?.domain ?? '')
    if (row === undefined || known === undefined) continue
    const change = changeFor(row, {
      state,
      hasInbox: inbox !== undefined,
      known,
      request,
      at: unit.clock.now,
    })
    if (typeof change === 'string') refuse(refusal(row, change))
    else changes.push(change)
  }
  const outcomes = changes.length === 0 ? [] : await unit.commit({ streams: changes })
  const lost = changes.filter((_, at) => outcomes[at] === 'claim-lost').map(({ stream }) => stream)
  return { imported: changes.length - lost.length, again: new Set([...unit.busy, ...lost]) }
}

/** The change that imports a position, or why it is refused. */
function changeFor(
  row: PositionRow,
  about: {
    readonly state: StreamState
    /** Something waits in its inbox. */
    readonly hasInbox: boolean
    readonly known: DomainRules
    readonly request: Operator
    readonly at: number
  },
): StreamChange | string {
  const { state, hasInbox, known, request, at } = about
  const { rules } = known
  const { stream, epoch, position: sequence } = row
  const operated = importPosition({ rules, state }, { epoch, sequence })
  if (operated.kind === 'declined') return operated.why
  const { by, reason } = request
  const { baseline } = operated.state
  const isCounted =
    baseline !== undefined && comparePositions({ epoch, sequence: baseline }, { epoch, sequence }) <= 0
  const range = { epoch, ...(isCounted && { from: baseline }), to: sequence }
  const before = tellingParts(state, rules)
  const entry: LedgerEntry = { kind: 'imported', stream, ...range, at, by, reason, before }
  const none = { hold: [], release: [], decided: [], deadLetters: [], redriven: [] }
  return {
    stream,
    state: operated.state,
    ...none,
    deliveries: 0,
    ledger: [entry],
    due: hasInbox ? { at: 0 } : {},
  }
}

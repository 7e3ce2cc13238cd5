// Stops and starts a whole domain: while it is paused its events are held, and nothing of it is delivered,
// retried or given up. Upholds I8: patience that has ended meanwhile is looked at only once it goes on.
import { InturnError } from '../core/errors.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { LedgerEntry } from '../ports/records.ts'
import type { StreamChange, UnitOfWork } from '../ports/store.ts'
import { systemTimers } from '../ports/timers.ts'
import type { Operator, OperatorTarget } from './operator-options.ts'
import { checkOperator, operatorWaitMs } from './operator-options.ts'
import { eachStream } from './paging.ts'
import { operatorWorker } from './with-claim.ts'

/** Which domain, by whom, and why. */
export interface DomainRequest extends Operator {
  readonly domain: string
  /** Resuming: how long to try to wake streams that a worker has, in milliseconds. Default 10,000. */
  readonly waitMs?: number
}

/** What an action on a domain came to. */
export interface DomainOperation {
  readonly command: 'pause' | 'resume'
  readonly consumer: string
  readonly domain: string
  readonly by: string
  readonly reason: string
  readonly at: number
  /** Resuming: waiting streams that are due at once. */
  readonly woken: number
  /** Resuming: streams that a worker had all the while; they are looked at by themselves within a minute. */
  readonly busy: number
  readonly ledger: readonly LedgerEntry[]
}

const claimMs = 30_000
const streamsAtOnce = 100
const pauseMs = 50

/**
 * Pauses a domain. Batches that a worker has in hand are finished.
 *
 * @throws InturnError `operation-refused` when it is paused already, `usage` without name or reason
 */
export async function pauseDomain(target: OperatorTarget, request: DomainRequest): Promise<DomainOperation> {
  return { ...(await switchDomain(target, request, true)), woken: 0, busy: 0 }
}

/**
 * Lets a paused domain go on, and makes its waiting streams due at once.
 *
 * @throws InturnError `operation-refused` when it is not paused, `usage` without name or reason
 */
export async function resumeDomain(target: OperatorTarget, request: DomainRequest): Promise<DomainOperation> {
  const operation = await switchDomain(target, request, false)
  return { ...operation, ...(await wake(target, request)) }
}

async function switchDomain(
  { store, consumer }: OperatorTarget,
  request: DomainRequest,
  paused: boolean,
): Promise<Omit<DomainOperation, 'woken' | 'busy'>> {
  checkOperator(request)
  const { domain, by, reason } = request
  const { clock, domains } = await store.reader.summary(consumer)
  const before = domains.get(domain)?.paused === true
  if (before === paused) {
    const stands = paused ? 'is paused already' : 'is not paused'
    throw new InturnError('operation-refused', `the domain ${domain} ${stands}; nothing was changed`)
  }
  const at = clock.now
  const kind = paused ? 'paused' : 'resumed'
  const entry: LedgerEntry = { kind, domain, at, by, reason, before: { paused: before } }
  await store.record(consumer, { paused: [{ domain, paused }], ledger: [entry] })
  const command = paused ? 'pause' : 'resume'
  return { command, consumer, domain, by, reason, at, ledger: [entry] }
}

async function wake(
  target: OperatorTarget,
  { domain, by, waitMs = operatorWaitMs }: DomainRequest,
): Promise<Pick<DomainOperation, 'woken' | 'busy'>> {
  const { store, consumer, timers = systemTimers } = target
  let open: StreamPath[] = []
  let woken = 0
  const busy: StreamPath[] = []
  const wakeOpen = async (): Promise<void> => {
    const left = await wakeStreams(target, by, open)
    woken += open.length - left.length
    busy.push(...left)
    open = []
  }
  for await (const { stream } of eachStream(
    { reader: store.reader, consumer },
    { domain, onlyWaiting: true },
  )) {
    open.push(stream)
    if (open.length >= streamsAtOnce) await wakeOpen()
  }
  await wakeOpen()
  const until = timers.elapsedMs() + waitMs
  while (busy.length > 0 && timers.elapsedMs() < until) {
    await timers.sleep(pauseMs)
    open = busy.splice(0, streamsAtOnce)
    await wakeOpen()
  }
  return { woken, busy: busy.length }
}

/** Makes streams due at once, as they are; those that another worker has. */
async function wakeStreams(
  { store, consumer }: OperatorTarget,
  by: string,
  streams: readonly StreamPath[],
): Promise<readonly StreamPath[]> {
  if (streams.length === 0) return []
  const request = { consumer, worker: operatorWorker(by), streams, mode: 'claim', claimMs } as const
  const { value } = await store.work(request, (unit) => wakeWon(unit))
  return value
}

async function wakeWon(unit: UnitOfWork): Promise<readonly StreamPath[]> {
  const changes = [...unit.streams].map(([stream, { state }]): StreamChange => {
    const none = { hold: [], release: [], decided: [], deadLetters: [], redriven: [], ledger: [] }
    return { stream, state, ...none, deliveries: 0, due: { at: 0 } }
  })
  const outcomes = await unit.commit({ streams: changes })
  const lost = changes.filter((_, at) => outcomes[at] === 'claim-lost').map(({ stream }) => stream)
  return [...unit.busy, ...lost]
}

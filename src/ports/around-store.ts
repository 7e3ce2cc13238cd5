// A store with something put around each of its calls, those inside a unit of work included.
import type { AroundCall } from './port-call.ts'
import { countedCalls } from './port-call.ts'
import type { AboutStore, Store, UnitOfWork, UnitTransaction } from './store.ts'

/** The calls of a store; `unit.` are those inside a unit of work. */
export type StoreMethod =
  | Exclude<keyof Store, 'about' | 'reader'>
  | `unit.${'held' | 'inbox' | 'knownIds' | 'commit' | 'savepoint'}`

/** Wraps a store so that every call goes through `around`. Reading for people is left as it is. */
export function aroundStore<Transaction, Commands>(
  store: Store<Transaction, Commands>,
  around: AroundCall<StoreMethod>,
): Store<Transaction, Commands> {
  const run = countedCalls(around)
  return {
    about: store.about,
    reader: store.reader,
    open: () => run('open', () => store.open()),
    now: () => run('now', () => store.now()),
    close: () => run('close', () => store.close()),
    work: (request, body) => run('work', () => store.work(request, (unit) => body(aroundUnit(unit, run)))),
    handOver: (consumer, entries) => run('handOver', () => store.handOver(consumer, entries)),
    record: (consumer, records) => run('record', () => store.record(consumer, records)),
    due: (consumer, limit, domains) => run('due', () => store.due(consumer, limit, domains)),
    heartbeat: (consumer, worker, options) =>
      run('heartbeat', () => store.heartbeat(consumer, worker, options)),
    lease: (name, request) => run('lease', () => store.lease(name, request)),
    checkpoint: (consumer, source, next) => run('checkpoint', () => store.checkpoint(consumer, source, next)),
  }
}

/** A store as an object of its own, in which single calls can be replaced; `about` says what it is then. */
export function plainStore<Transaction, Commands>(
  store: Store<Transaction, Commands>,
  about: Partial<AboutStore> = {},
): Store<Transaction, Commands> {
  return { ...aroundStore(store, (_call, run) => run()), about: { ...store.about, ...about } }
}

/** A unit of work as an object of its own, of which single calls can be replaced. */
export function plainUnit<Transaction, Commands>(
  unit: UnitOfWork<Transaction, Commands>,
): UnitOfWork<Transaction, Commands> {
  return aroundUnit(unit, (_method, run) => run())
}

type RunCall = <Result>(method: StoreMethod, run: () => Promise<Result>) => Promise<Result>

function aroundUnit<Transaction, Commands>(
  unit: UnitOfWork<Transaction, Commands>,
  run: RunCall,
): UnitOfWork<Transaction, Commands> {
  return {
    clock: unit.clock,
    streams: unit.streams,
    busy: unit.busy,
    domains: unit.domains,
    transaction: unit.transaction && aroundTransaction(unit.transaction, run),
    ...(unit.commands !== undefined && { commands: unit.commands }),
    signal: unit.signal,
    held: (ranges) => run('unit.held', () => unit.held(ranges)),
    inbox: (pages) => run('unit.inbox', () => unit.inbox(pages)),
    knownIds: (domain, ids) => run('unit.knownIds', () => unit.knownIds(domain, ids)),
    commit: (commit) => run('unit.commit', () => unit.commit(commit)),
  }
}

function aroundTransaction<Transaction>(
  transaction: UnitTransaction<Transaction>,
  run: RunCall,
): UnitTransaction<Transaction> {
  return {
    forHandlers: transaction.forHandlers,
    get ended() {
      return transaction.ended
    },
    savepoint: (body) => run('unit.savepoint', () => transaction.savepoint(body)),
    ...(transaction.atOnce !== undefined && { atOnce: async (body) => transaction.atOnce?.(body) }),
  }
}

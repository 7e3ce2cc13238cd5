import { plainStore } from '../../src/ports/around-store.ts'
// Systems that are broken on purpose, each in a way in which such systems have been broken before. Each is
// made from outside, between the engine and its ports, so that nothing in the product knows of it.
import type { Source } from '../../src/ports/source.ts'
import type { Commit, Store, UnitOfWork } from '../../src/ports/store.ts'
import { changesState } from '../../src/ports/store.ts'
import { aroundSource } from '../../src/testing/around-source.ts'
import type { Mutation } from './mutation.ts'

/** A broken system, and the invariants of which at least one must be seen to break. */
export interface Mutant {
  readonly name: string
  readonly breaks: readonly string[]
  readonly mutation: Mutation
  /** The first seed that is tried, where one is known to notice it soon. Default: 1. */
  readonly seed?: number
}

const pass = <Result>(_call: unknown, run: () => Promise<Result>): Promise<Result> => run()

function sourceWith(change: (source: Source<never>) => Partial<Source<never>>): Mutation {
  return {
    source: (source) => {
      const typed = source as unknown as Source<never>
      const broken: Source<never> = { ...aroundSource(typed, pass), ...change(typed) }
      return broken
    },
  }
}

type CommitWith = (unit: UnitOfWork, commit: Commit) => ReturnType<UnitOfWork['commit']>

function commitWith(change: CommitWith): Mutation {
  return {
    store: (store) => {
      const plain = store as unknown as Store
      const broken: Store = {
        ...plainStore(plain),
        work: (request, body) =>
          plain.work(request, (unit) =>
            body({
              ...unit,
              commit: (commit) => change(unit, commit),
            }),
          ),
      }
      return broken as unknown as typeof store
    },
  }
}

const settleBeforeCommit = sourceWith((source) => ({
  read: async (request) => {
    const deliveries = await source.read(request)
    if (deliveries.length > 0) await source.settle(deliveries)
    return deliveries
  },
  settle: () => Promise.resolve(),
}))

const dropOnOverflow = sourceWith((source) => ({ release: (deliveries) => source.settle(deliveries) }))

/** A stale claim's commit waits until the stream is free, and is then taken all the same. */
const noFenceCheck: Mutation = {
  store: (store) => {
    const plain = store as unknown as Store
    const force = async (consumer: string, change: Commit['streams'][number]): Promise<void> => {
      for (let tries = 0; tries < 50; tries++) {
        const request = {
          consumer,
          worker: 'stale',
          streams: [change.stream],
          mode: 'claim',
          claimMs: 1,
        } as const
        const { value } = await plain.work(request, async (unit) => {
          if (unit.busy.length > 0) return false
          return (await unit.commit({ streams: [change] }))[0] === 'committed'
        })
        if (value) return
      }
    }
    const broken: Store = {
      ...plainStore(plain),
      work: (request, body) =>
        plain.work(request, (unit) =>
          body({
            ...unit,
            commit: async (commit) => {
              const outcomes = await unit.commit(commit)
              for (const [index, change] of commit.streams.entries()) {
                if (outcomes[index] === 'claim-lost') await force(request.consumer, change)
              }
              return outcomes.map(() => 'committed')
            },
          }),
        ),
    }
    return broken as unknown as typeof store
  },
}

const seenBeforeDurable = commitWith(async (unit, commit) => {
  const outcomes = await unit.commit({
    ...commit,
    streams: commit.streams.map((change) => ({ ...change, hold: [] })),
  })
  const held = commit.streams.filter(changesState).filter(({ hold }) => hold.length > 0)
  const rest = { release: [], decided: [], deliveries: 0, deadLetters: [], redriven: [], ledger: [] }
  if (held.length > 0) await unit.commit({ streams: held.map((change) => ({ ...change, ...rest })) })
  return outcomes
})

const positionPastHole = commitWith((unit, commit) =>
  unit.commit({
    ...commit,
    streams: commit.streams.map((change) => {
      if (!changesState(change)) return change
      const { state } = change
      const [head] = state.held
      const isHole = head?.after !== null && head?.epoch === state.epoch && state.position !== undefined
      return isHole ? { ...change, state: { ...state, position: head?.after ?? state.position } } : change
    }),
  }),
)

const believesFailedCommits = commitWith((unit, commit) =>
  unit.commit(commit).catch(() => commit.streams.map(() => 'committed' as const)),
)

const lostWakeUp: Mutation = {
  store: (store) => ({
    ...store,
    work: async (request, body) => ({ ...(await store.work(request, body)), again: [] }),
    handOver: async (consumer, entries) => {
      await store.handOver(consumer, entries)
      return []
    },
  }),
}

/** What is read of an inbox is forgotten with the next commit, whatever became of it. */
const forgetsInbox = commitWith(async (unit, commit) => {
  const streams = commit.streams
    .filter(changesState)
    .filter(({ stream }) => unit.streams.get(stream)?.inbox !== undefined)
  const all = await unit.inbox(streams.map(({ stream }) => ({ stream, limit: 1_000 })))
  const idsOf = (path: string): readonly string[] =>
    all.flatMap(({ stream, arrivalId }) => (stream === path ? [arrivalId] : []))
  return unit.commit({
    ...commit,
    streams: commit.streams.map((change) => ({ ...change, decided: idsOf(change.stream) })),
  })
})

const seesTooFar = commitWith((unit, commit) =>
  unit.commit({
    ...commit,
    streams: commit.streams.map((change) => ({ ...change, inboxSeen: Number.MAX_SAFE_INTEGER })),
  }),
)

/** Where an inbox has more than is read at once, the highest entries are read. */
const highestFirst: Mutation = {
  store: (store) => {
    const plain = store as unknown as Store
    const broken: Store = {
      ...plainStore(plain),
      work: (request, body) =>
        plain.work(request, (unit) =>
          body({
            ...unit,
            inbox: async (pages) => {
              const read = pages.map(async ({ limit, ...page }) =>
                (await unit.inbox([{ ...page, limit: 10_000 }])).slice(-limit),
              )
              return (await Promise.all(read)).flat()
            },
          }),
        ),
    }
    return broken as unknown as typeof store
  },
}

/** An attempt counts as soon as it has begun, also in company. */
const countsInCompany = commitWith((unit, commit) =>
  unit.commit({
    ...commit,
    streams: commit.streams.map((change) => {
      if (!changesState(change)) return change
      const { state } = change
      const { failing } = state
      if (failing?.runningBy === undefined || failing.attempts > 0) return change
      return { ...change, state: { ...state, failing: { ...failing, attempts: 1 } } }
    }),
  }),
)

/** Somebody beats for a consumer whose workers may all be down. */
const downtimeCounts: Mutation = {
  beside: ({ store, timers, consumers }) => {
    const beat = (): void => {
      for (const consumer of consumers) store.heartbeat(consumer, 'ghost').catch(() => undefined)
      timers.after(4_000, beat)
    }
    beat()
  },
}

/** Every broken system that the simulator has to notice. */
export const mutants: readonly Mutant[] = [
  { name: 'settles before it commits', breaks: ['I4'], mutation: settleBeforeCommit },
  { name: 'lets a stale claim commit', breaks: ['I5'], mutation: noFenceCheck, seed: 56 },
  { name: 'drops what is refused', breaks: ['I4'], mutation: dropOnOverflow },
  { name: 'counts a number as held before it is', breaks: ['I3', 'I4'], mutation: seenBeforeDurable },
  { name: 'moves the position past a hole', breaks: ['I1', 'I3'], mutation: positionPastHole },
  {
    name: 'believes that a commit which failed was made',
    breaks: ['I3', 'I4'],
    mutation: believesFailedCommits,
    seed: 4,
  },
  { name: 'does not look after what was handed over', breaks: ['I3', 'I6'], mutation: lostWakeUp, seed: 134 },
  { name: 'forgets what was refused of an inbox', breaks: ['I3', 'I4'], mutation: forgetsInbox },
  { name: 'takes an inbox for looked at that was not', breaks: ['I3', 'I6'], mutation: seesTooFar, seed: 10 },
  { name: 'does not reach the lowest number of an inbox', breaks: ['I3'], mutation: highestFirst, seed: 8 },
  { name: 'blames an event for a death beside it', breaks: ['I3'], mutation: countsInCompany, seed: 155 },
  { name: 'counts an outage as patience', breaks: ['I8'], mutation: downtimeCounts, seed: 94 },
]

// Laws of commands that run inside commits: once, before the position moves, and not at all for a claim that
// is lost; what failed in part is told, kept, and written by nobody over it.
import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import type { StreamPath } from '../../core/stream-path.ts'
import { unknownStream } from '../../core/stream-state.ts'
import type { EffectPartial, EffectStep } from '../../ports/commit-commands.ts'
import type { StreamChange, StreamRecords, UnitOfWork } from '../../ports/store.ts'
import { openUnit } from './open-unit.ts'
import { account, consumer, entry, holding, moved, positionOf, work } from './samples.ts'
import type { CommandEffects, StoreCase, StoreFixture } from './store-case.ts'

const [a, b] = [account('a'), account('b')]

/** What a handler gives for one event: one is added to `first`, then to `then`. */
function step(fixture: StoreFixture, unit: UnitOfWork, sequence: number): EffectStep {
  return stepOf(fixture, unit, { sequence, stream: a })
}

function stepOf(
  fixture: StoreFixture,
  unit: UnitOfWork,
  { sequence, stream }: { readonly sequence: number; readonly stream: StreamPath },
): EffectStep {
  const { add } = effectsOf(fixture)
  const recording = unit.commands?.record(stream)
  ok(recording !== undefined, 'the unit of work has no commands')
  add(recording.commands, 'first')
  add(recording.commands, 'then')
  return { events: [{ epoch: 0, sequence }], commands: recording.end().commands }
}

function effectsOf({ commands }: StoreFixture): CommandEffects {
  ok(commands !== undefined, 'the fixture does not say how commands are given')
  return commands
}

async function written(fixture: StoreFixture, stream = a): Promise<readonly number[]> {
  const { read } = effectsOf(fixture)
  return [await read(consumer, stream, 'first'), await read(consumer, stream, 'then')]
}

function isPartial(outcome: unknown): outcome is EffectPartial {
  return typeof outcome === 'object' && outcome !== null && 'ran' in outcome
}

/** A commit of three events of a stream, of which the second one's last command fails. */
async function failInPart(
  fixture: StoreFixture,
  fields: Partial<StreamChange> = {},
): Promise<readonly unknown[]> {
  const { spoil } = effectsOf(fixture)
  const { value } = await work(fixture.store, { streams: [a, b] }, async (unit) => {
    const first = step(fixture, unit, 1)
    const recording = unit.commands?.record(a)
    spoil(recording?.commands, 'then')
    const spoilt = { events: [{ epoch: 0, sequence: 2 }], commands: recording?.end().commands ?? [] }
    const second = {
      ...spoilt,
      commands: [...step(fixture, unit, 2).commands.slice(0, 1), ...spoilt.commands],
    }
    const effects = [first, second, step(fixture, unit, 3)]
    const change = holding(a, 9)
    const other = moved(b, 1, { effects: [stepOf(fixture, unit, { sequence: 1, stream: b })] })
    return unit.commit({
      streams: [{ ...change, effects, ledger: [entry('no', { stream: a })], ...fields }, other],
    })
  })
  return value
}

/** Laws of commands in commits. */
export const commandCases: readonly StoreCase[] = [
  {
    name: 'commands run with their commit, in order, and not before (I2)',
    needs: ['commands'],
    run: async (fixture) => {
      const { store } = fixture
      await work(store, { streams: [a] }, async (unit) => {
        const effects = [step(fixture, unit, 1), step(fixture, unit, 2)]
        deepEqual(await written(fixture), [0, 0])
        deepEqual(await unit.commit({ streams: [moved(a, 2, { effects })] }), ['committed'])
        deepEqual(await written(fixture), [2, 2])
      })
      equal(await positionOf(store, a), 2)
    },
  },
  {
    name: 'a claim that is lost runs nothing (I5)',
    needs: ['commands', 'handles'],
    run: async (fixture) => {
      const { store, claimMs, advanceTime, stalledHandle } = fixture
      const stalled = await stalledHandle?.()
      ok(stalled !== undefined, 'the fixture has no stalled handle')
      const late = await openUnit(stalled.store, { streams: [a], worker: 'late', claimMs })
      await advanceTime(2 * claimMs)
      const taker = await openUnit(store, { streams: [a], worker: 'taker', claimMs })
      const effects = [step(fixture, late.unit, 1)]
      deepEqual(await late.unit.commit({ streams: [moved(a, 1, { effects })] }), ['claim-lost'])
      deepEqual(await written(fixture), [0, 0])
      await taker.end()
      await late.end()
    },
  },
  {
    name: 'a command that fails stops its stream, and nothing of it is written; others go on (I2, I6)',
    needs: ['commands'],
    run: async (fixture) => {
      const { store } = fixture
      const [outcome, other] = await failInPart(fixture)
      ok(isPartial(outcome))
      const { epoch, sequence, ran, done, commands, error } = outcome
      deepEqual({ epoch, sequence, ran, done }, { epoch: 0, sequence: 2, ran: 1, done: ['0/1'] })
      equal(commands.length, 2)
      ok(error.length > 0)
      equal(other, 'committed')
      deepEqual(await written(fixture), [2, 1])
      deepEqual(await written(fixture, b), [1, 1])
      equal(await store.reader.stream(consumer, a), undefined)
      deepEqual(await store.reader.ledger(consumer, { limit: 9 }), [])
      deepEqual(await store.reader.held(consumer, { limit: 9 }), [])
    },
  },
  {
    name: 'what failed in part is kept until a commit settles it (I2)',
    needs: ['commands'],
    run: async (fixture) => {
      const { store } = fixture
      const [outcome] = await failInPart(fixture)
      const kept = async (): Promise<EffectPartial | undefined> => {
        const { value } = await work(store, { streams: [a] }, async (unit) => unit.commands?.partials.get(a))
        return value
      }
      deepEqual(await kept(), outcome)
      await work(store, { streams: [a] }, (unit) => unit.commit({ streams: [moved(a, 1)] }))
      deepEqual(await kept(), outcome)
      deepEqual((await store.reader.stream(consumer, a))?.partial, outcome)
      const waiting = await store.reader.streams(consumer, { onlyWaiting: true, limit: 9 })
      deepEqual(
        waiting.map(({ stream }) => stream),
        [a],
      )
      await work(store, { streams: [a] }, async (unit) => {
        await unit.commit({ streams: [moved(a, 1, { settlesPartial: true })] })
        equal(unit.commands?.partials.get(a), undefined)
      })
      equal(await kept(), undefined)
      equal((await store.reader.stream(consumer, a))?.partial, undefined)
      deepEqual(await store.reader.streams(consumer, { onlyWaiting: true, limit: 9 }), [])
    },
  },
  {
    name: 'beside a stream that stays where it is, what failed in part is told and not kept',
    needs: ['commands'],
    run: async (fixture) => {
      const { store } = fixture
      const { value } = await work(store, { streams: [a] }, async (unit) => {
        const { commands } = step(fixture, unit, 1)
        const recording = unit.commands?.record(a)
        effectsOf(fixture).spoil(recording?.commands, 'then')
        const spoilt = recording?.end().commands ?? []
        const effects = [{ events: [{ epoch: 0, sequence: 1 }], commands: [...commands, ...spoilt] }]
        const none = { decided: [], deadLetters: [], redriven: [] }
        const records: StreamRecords = { stream: a, ...none, ledger: [entry('no', { stream: a })], effects }
        const [outcome] = await unit.commit({ streams: [records] })
        return { outcome, kept: unit.commands?.partials.get(a) }
      })
      ok(isPartial(value.outcome))
      equal(value.outcome.ran, 2)
      equal(value.kept, undefined)
      deepEqual(await store.reader.ledger(consumer, { limit: 9 }), [])
      const { value: states } = await work(store, { streams: [a] }, async (unit) => ({
        state: unit.streams.get(a)?.state,
        kept: unit.commands?.partials.get(a),
      }))
      deepEqual(states, { state: unknownStream, kept: undefined })
    },
  },
  {
    name: 'a recording that has ended takes nothing more, and one of a stream that was not won cannot begin',
    needs: ['commands'],
    run: async (fixture) => {
      await work(fixture.store, { streams: [a] }, async (unit) => {
        const recording = unit.commands?.record(a)
        recording?.end()
        throws(() => effectsOf(fixture).add(recording?.commands, 'first'), { code: 'command-invalid' })
        throws(() => unit.commands?.record(b), { code: 'invariant-violated' })
      })
    },
  },
]

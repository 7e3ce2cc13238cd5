// Puts refused events aside as dead letters `overflow`, and counts them in their stream's state, so that the
// stream takes them back by itself, in order, when it gets there. Upholds I3 and I7.
import { unknownStream } from '../core/stream-state.ts'
import type { DeadLetter } from '../ports/records.ts'
import type { StreamChange, UnitOfWork } from '../ports/store.ts'
import { dueTimeOf } from './decide-turn.ts'
import type { EngineParts } from './engine-parts.ts'
import { newLetters, overflowLetter } from './overflow-letter.ts'
import type { StreamBatch } from './stream-batch.ts'
import { deadLetterNews } from './turn-news.ts'

/** Puts the arrivals of some streams aside; returns the batches whose arrivals are dead letters now. */
export async function overflowWork(
  parts: EngineParts,
  batches: readonly StreamBatch[],
  worker: string,
): Promise<readonly StreamBatch[]> {
  const { store, consumer, claimMs } = parts
  const streams = batches.map(({ path }) => path)
  const mode = batches[0]?.domain.effects === 'transaction' ? 'transaction' : 'claim'
  const worked = await store.work({ consumer, worker, streams, mode, claimMs }, async (unit) => {
    const won = batches.filter(({ path }) => unit.states.has(path))
    const letters = won.map(({ path, arrivals }) => {
      return arrivals.map(({ event }) => overflowLetter(path, event, unit.clock.now))
    })
    const there = await unit.buried(letters.flat().map(({ key }) => key))
    const changes = won.map((batch, index) => changeOf(unit, batch, newLetters(letters[index] ?? [], there)))
    const outcomes = await unit.commit({ streams: changes })
    const isKept = (_: unknown, index: number): boolean => outcomes[index] === 'committed'
    return { batches: won.filter(isKept), letters: changes.filter(isKept).flatMap(lettersOf) }
  })
  for (const letter of worked.value.letters) parts.telemetry(deadLetterNews(letter))
  return worked.value.batches
}

function changeOf(
  unit: UnitOfWork,
  { path, domain }: StreamBatch,
  deadLetters: readonly DeadLetter[],
): StreamChange {
  const before = unit.states.get(path) ?? unknownStream
  const isPaused = unit.domains.get(domain.name)?.paused === true
  const state = { ...before, overflow: before.overflow + deadLetters.length }
  return {
    stream: path,
    state,
    hold: [],
    release: [],
    decided: [],
    deliveries: 0,
    deadLetters,
    redriven: [],
    ledger: [],
    due: dueTimeOf(domain.rules, state, { canRun: true, isPaused, clock: unit.clock }),
  }
}

function lettersOf({ deadLetters }: StreamChange): readonly DeadLetter[] {
  return deadLetters
}

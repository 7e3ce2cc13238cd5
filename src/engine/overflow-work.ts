// Puts refused events aside as dead letters `overflow`, and counts them in their stream's state, so that the
// stream takes them back by itself, in order, when it gets there. Upholds I3 and I7.
import { unknownStream } from '../core/stream-state.ts'
import type { DeadLetter } from '../ports/records.ts'
import type { StreamChange, UnitOfWork } from '../ports/store.ts'
import { dueTimeOf } from './decide-turn.ts'
import type { EngineParts } from './engine-parts.ts'
import { overflowLetter } from './overflow-letter.ts'
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
    const changes = won.map((batch) => changeOf(unit, batch))
    const outcomes = await unit.commit({ streams: changes })
    const isKept = (_: unknown, index: number): boolean => outcomes[index] === 'committed'
    return { batches: won.filter(isKept), letters: changes.filter(isKept).flatMap(lettersOf) }
  })
  for (const letter of worked.value.letters) parts.telemetry(deadLetterNews(letter))
  return worked.value.batches
}

function changeOf(unit: UnitOfWork, { path, domain, arrivals }: StreamBatch): StreamChange {
  const before = unit.states.get(path) ?? unknownStream
  const letters = arrivals.map(({ event }) => overflowLetter(path, event, unit.clock.now))
  const deadLetters = [...new Map(letters.map((letter) => [letter.key, letter])).values()]
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
    due: dueTimeOf(domain.rules, state, true),
  }
}

function lettersOf({ deadLetters }: StreamChange): readonly DeadLetter[] {
  return deadLetters
}

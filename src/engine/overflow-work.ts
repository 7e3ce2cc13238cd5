// Puts refused events aside as dead letters `overflow`, and counts them in their stream's state, so that the
// stream takes them back by itself, in order, when it gets there. Upholds I3 and I7.
import type { StreamPath } from '../core/stream-path.ts'
import { unknownStream } from '../core/stream-state.ts'
import type { DeadLetter } from '../ports/records.ts'
import type { StreamChange, UnitOfWork } from '../ports/store.ts'
import { dueTimeOf } from './decide-turn.ts'
import type { TrackedDomain } from './domain.ts'
import type { EngineParts } from './engine-parts.ts'
import type { Intake, TrackedIntake } from './intake.ts'
import { newLetters, overflowLetter } from './overflow-letter.ts'
import { deadLetterNews } from './turn-news.ts'

/** What is put aside for one stream. */
export interface Aside {
  readonly domain: TrackedDomain
  readonly path: StreamPath
  readonly arrivals: readonly TrackedIntake[]
}

/** The events of some messages by stream. */
export function asidesOf(intakes: readonly Intake[]): readonly Aside[] {
  const tracked = intakes.filter((intake) => intake.kind === 'tracked')
  return [...Map.groupBy(tracked, ({ path }) => path).values()].flatMap((arrivals): Aside[] => {
    const [first] = arrivals
    return first === undefined ? [] : [{ domain: first.domain, path: first.path, arrivals }]
  })
}

/** Puts events of streams with one kind of effects aside; of which streams that was possible. */
export async function putAside(
  parts: EngineParts,
  streams: readonly Aside[],
  worker: string,
): Promise<readonly StreamPath[]> {
  const { store, consumer, claimMs } = parts
  const mode = streams[0]?.domain.effects === 'transaction' ? 'transaction' : 'claim'
  const request = { consumer, worker, streams: streams.map(({ path }) => path), mode, claimMs } as const
  const worked = await store.work(request, async (unit) => {
    const won = streams.filter(({ path }) => unit.states.has(path))
    const letters = won.map(({ path, arrivals }) => {
      return arrivals.map(({ event }) => overflowLetter(path, event, unit.clock.now))
    })
    const there = await unit.buried(letters.flat().map(({ key }) => key))
    const changes = won.map((aside, index) => changeOf(unit, aside, newLetters(letters[index] ?? [], there)))
    const outcomes = await unit.commit({ streams: changes })
    const isKept = (_: unknown, index: number): boolean => outcomes[index] === 'committed'
    return { won: won.filter(isKept), letters: changes.filter(isKept).flatMap(lettersOf) }
  })
  for (const letter of worked.value.letters) parts.telemetry(deadLetterNews(letter))
  return worked.value.won.map(({ path }) => path)
}

function changeOf(
  unit: UnitOfWork,
  { path, domain }: Aside,
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

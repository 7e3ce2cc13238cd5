// The healer of a simulated domain: knows most of what was produced, and while there are troubles answers
// late, never, wrongly, or with what nobody asked for.
import type { StreamPath } from '../../src/core/stream-path.ts'
import { streamPath } from '../../src/core/stream-path.ts'
import type { Healer, HealRequest } from '../../src/ports/healer.ts'
import type { Timers } from '../../src/ports/timers.ts'
import type { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { Produced } from './produced.ts'
import type { DomainScenario } from './scenario.ts'

/** What a healer is made of. */
export interface SimulatedHealerParts {
  readonly produced: readonly Produced[]
  readonly archived: ReadonlySet<Produced>
  readonly timers: Timers
  readonly random: SeededRandom
  readonly isTroubled: () => boolean
}

/** A healer over what was produced. */
export function simulatedHealer(domain: DomainScenario, parts: SimulatedHealerParts): Healer {
  const { timers, random, isTroubled } = parts
  const badAnswerChance = domain.healing?.badAnswerChance ?? 0
  return {
    name: 'the archive',
    async heal(request) {
      await timers.sleep(random.pick([0, 20, 200]), request.signal)
      const found = find(parts, streamPath(domain.name, request.stream), request)
      if (!isTroubled() || !random.chance(badAnswerChance)) return found
      return badAnswer(found, parts, request.signal)
    },
  }
}

/** The archived messages of a range, the lowest numbers first. */
function find(
  { produced, archived }: SimulatedHealerParts,
  path: StreamPath,
  { epoch, from, to, limit }: HealRequest,
): readonly unknown[] {
  return produced
    .filter((one) => one.kind !== 'invalid' && one.path === path && one.epoch === epoch && archived.has(one))
    .filter(({ sequence, fillFrom = sequence }) => (from === null || sequence >= from) && fillFrom <= to)
    .slice(0, limit)
    .map(({ message }) => message)
}

async function badAnswer(
  found: readonly unknown[],
  { produced, timers, random }: SimulatedHealerParts,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  switch (random.pick(['late', 'error', 'empty', 'partly', 'foreign'] as const)) {
    case 'late':
      await timers.sleep(20_000, signal)
      return found
    case 'error':
      throw new Error('the archive is down')
    case 'empty':
      return []
    case 'partly':
      return found.filter(() => random.chance(0.5))
    case 'foreign':
      return [...found, ...produced.filter(() => random.chance(0.1)).map(({ message }) => message)]
  }
}

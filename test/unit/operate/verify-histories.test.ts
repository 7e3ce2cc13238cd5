// I3: whatever the engine makes of a history (gaps, losses, late and conflicting numbers, fills, epochs,
// failures), its books balance at every moment. A false alarm of `verify` would show here, and so would a
// number without an account.
import { expect, test } from 'vitest'
import { contiguous, increasing, linked } from '../../../src/core/numbering.ts'
import type { TrackedNumbering } from '../../../src/core/numbering.ts'
import { defaultStreamLimits } from '../../../src/core/rules.ts'
import type { GapEnd } from '../../../src/core/rules.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import { verifyConsumer } from '../../../src/operate/verify.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { consumer } from './stored-stream.ts'

const seeds = 60
const batches = 40
const numberings = [
  contiguous(),
  contiguous({ start: 0 }),
  contiguous({ start: 'first-seen' }),
  contiguous({ modulus: 32 }),
  increasing(),
  linked(),
] as const

function message(random: SeededRandom, numbering: TrackedNumbering, reached: number): object {
  const modulus = numbering.kind === 'contiguous' ? (numbering.modulus ?? Infinity) : Infinity
  const sequence = Math.max(0, reached + random.whole(-6, 6)) % modulus
  const stream = random.pick(['a', 'b', 'c/d'])
  const epoch = random.chance(0.05) ? random.whole(0, 3) : Math.floor(reached / 60)
  if (random.chance(0.06))
    return { stream, epoch, fill: { from: sequence, to: sequence + random.whole(0, 3), reason: 'burned' } }
  const id = random.chance(0.05) ? 'other' : `${stream}#${epoch}#${sequence}`
  const step = random.chance(0.1) ? 2 : 1
  const previous = sequence <= 1 ? null : sequence - step
  return { stream, epoch, sequence, previous, id, data: { fails: random.chance(0.04) } }
}

test.each(Array.from({ length: seeds }, (_, seed) => seed))('seed %i', async (seed) => {
  const random = new SeededRandom(seed)
  const numbering = random.pick(numberings)
  const gapEnd = random.pick<GapEnd>(['wait', 'skip', 'halt'])
  const failure = {
    attempts: random.whole(1, 3),
    then: random.pick<'halt' | 'dead-letter'>(['halt', 'dead-letter']),
  }
  const rules = { ...defaultStreamLimits, numbering, gapEnd, heldMax: random.whole(3, 30), patienceMs: 2_000 }
  let now = 1_000_000
  const store = memoryStore({ now: () => now })
  const processor = createProcessor({
    consumer,
    store,
    sweep: 'manual',
    domains: {
      account: {
        numbering,
        heldMax: rules.heldMax,
        gap: { patience: rules.patienceMs, then: gapEnd },
        failure: { ...failure, backoff: 10 },
        effects: 'external',
        filter: ({ sequence }) => Number(sequence) % 7 !== 3,
        handle: ({ data }) => {
          if (typeof data === 'object' && data !== null && 'fails' in data && data.fails === true)
            throw new Error('fails')
        },
      },
    },
  })
  const known = new Map([['account', { rules, failure }]])
  for (let batch = 0; batch < batches; batch++) {
    const count = random.whole(1, 12)
    await processor.process(Array.from({ length: count }, () => message(random, numbering, batch * 4)))
    now += random.whole(1, 1_500)
    await processor.sweep()
    const { imbalances, unsettled } = await verifyConsumer({ reader: store.reader, consumer }, known)
    expect({ imbalances, unsettled }).toEqual({ imbalances: [], unsettled: [] })
  }
  await processor.close()
})

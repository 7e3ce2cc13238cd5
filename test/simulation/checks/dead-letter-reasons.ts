// I3: an event becomes a dead letter only for a reason that is true of it.
import type { Sequence } from '../../../src/core/sequence.ts'
import type { DeadLetter, DeadLetterReason } from '../../../src/ports/records.ts'
import type { Produced } from '../produced.ts'
import { uidOf } from '../produced.ts'
import type { DomainScenario } from '../scenario.ts'
import type { SimulatedWorld } from '../simulated-world.ts'
import type { Check } from './check.ts'
import { domainOf, isFirstSeen, mayLoseItsWorker, shadowsOf } from './check.ts'
import type { ShadowStore } from './shadow-store.ts'

/** Every dead letter has its reason. */
export const checkDeadLetterReasons: Check = (world) => {
  const breaches: string[] = []
  for (const [consumer, shadow] of shadowsOf(world)) {
    for (const letter of shadow.deadLetters.values()) {
      const uid = uidOf(letter.payload)
      const produced = uid === undefined ? undefined : world.produced[uid]
      const domain = produced && domainOf(world, produced.path)
      const isTrue = truths[letter.reason]
      if (produced !== undefined && isTrue({ world, shadow, letter, produced, domain })) continue
      const place = `${produced?.epoch}/${String(produced?.sequence)}`
      const what = `${produced?.kind} ${produced?.uid} (${place})`
      breaches.push(
        `I3: ${consumer} ${produced?.path}: ${what} is a dead letter ${letter.reason}: ${letter.detail}`,
      )
    }
  }
  return breaches
}

interface About {
  readonly world: SimulatedWorld
  readonly shadow: ShadowStore
  readonly letter: DeadLetter
  readonly produced: Produced
  readonly domain: DomainScenario | undefined
}

/** By reason: whether it is true of the event. */
const truths: Readonly<Record<DeadLetterReason, (about: About) => boolean>> = {
  invalid: ({ produced }) => produced.kind === 'invalid',
  implausible: ({ produced }) => produced.isImplausible,
  // Attempts that ended with their worker count beside those that threw.
  failed: ({ world, letter, produced, domain }) =>
    produced.failures >= (domain?.attempts ?? Infinity) ||
    (produced.failures > 0 && mayLoseItsWorker(world, produced)) ||
    mayHaveStalled(world, letter),
  schema: ({ produced }) => produced.isRefused,
  stale: isOfOlderEpoch,
  'epoch-ended': isOfOlderEpoch,
  conflict: ({ world, produced, domain }) =>
    world.hasOperators || isContested(world, produced) || domain?.numbering.kind === 'linked',
  late: ({ shadow, produced, domain }) =>
    domain?.numbering.kind === 'increasing' || isFirstSeen(domain) || wasLost(shadow, produced),
  skipped: ({ world }) => world.hasOperators,
  'too-large': () => false,
  'worker-died': ({ world, produced }) => mayLoseItsWorker(world, produced),
}

/** Whether the handler's time may have passed while its worker stood still. */
function mayHaveStalled({ scenario }: SimulatedWorld, { detail }: DeadLetter): boolean {
  return scenario.troubles.stall > 0 && detail.includes('took longer than')
}

function isOfOlderEpoch({ shadow, produced: { path, epoch } }: About): boolean {
  return (shadow.stream(path).state?.epoch ?? 0) > epoch
}

function wasLost(shadow: ShadowStore, { path, epoch, sequence }: Produced): boolean {
  return shadow
    .stream(path)
    .ledger.some(
      ({ kind, epoch: its, from = 0, to = 0 }) =>
        kind === 'lost' && its === epoch && from <= sequence && sequence <= to,
    )
}

/** Whether another message bears or fills the same number. */
function isContested(world: SimulatedWorld, { uid, path, epoch, sequence, fillFrom }: Produced): boolean {
  const overlaps = (from: Sequence, to: Sequence): boolean => from <= sequence && (fillFrom ?? sequence) <= to
  return world.produced.some(
    (other) =>
      other.uid !== uid &&
      other.kind !== 'invalid' &&
      other.path === path &&
      other.epoch === epoch &&
      overlaps(other.fillFrom ?? other.sequence, other.sequence),
  )
}

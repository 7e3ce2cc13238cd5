// The gaps of a consumer's streams: what is missing, since when, what waits behind it, and when patience
// ends.
import { gapsOf, searchedFor } from '../core/gaps.ts'
import type { Gap } from '../core/gaps.ts'
import { healingOverAt, isHealingOver, nextAttemptAt } from '../core/heal.ts'
import type { GapEnd } from '../core/rules.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import { width } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import type { Clock } from '../core/stream-state.ts'
import type { StoredStream } from '../ports/store-reader.ts'
import type { AppliedRules, KnownDomains } from './domain-rules.ts'
import { rulesFor } from './domain-rules.ts'
import type { ConsumerView } from './paging.ts'
import { eachStream } from './paging.ts'
import { shownRange } from './shown-number.ts'

/** A gap of a stream. */
export interface StreamGap {
  readonly stream: StreamPath
  readonly epoch: Epoch
  /** The first missing number; `null` where the beginning of the chain is unknown. As on the wire. */
  readonly from: Sequence | null
  readonly to: Sequence
  /** The same numbers without wrapping, where the domain's counter wraps. */
  readonly unwrapped?: { readonly from: Sequence | null; readonly to: Sequence }
  /** How many numbers are missing at most; `null` where the beginning of the chain is unknown. */
  readonly missing: number | null
  /** Whether it is what the stream waits for now. */
  readonly isHead: boolean
  /** Held events behind it. */
  readonly held: number
  /** When it opened, in milliseconds since 1970. */
  readonly since: number
  /** How long workers have been reading since then: what counts towards patience, in milliseconds. */
  readonly waitedMs: number
  /** The stream is halted, so that no patience ends for it. */
  readonly isHalted: boolean
  /** What was tried to heal it; absent where nothing was, and no configuration says that anything will be. */
  readonly healing?: GapHealing
  /** What the domain has decided about gaps; absent where no configuration says it. */
  readonly policy?: GapPolicy
}

/** How far the healing of a gap has come. */
export interface GapHealing {
  /** Attempts that were begun. */
  readonly attempts: number
  /** Absent where no configuration says it. */
  readonly attemptsMax?: number
  /**
   * When the next attempt may come, or the one under way is over at the latest; in milliseconds since 1970.
   * Absent once the last one has ended.
   */
  readonly nextAt?: number
  /** Which part of what there is was looked through in vain, where the healer says so. */
  readonly searched?: string
}

/** When the patience for a gap ends, and what happens then. */
export interface GapPolicy {
  readonly patienceMs: number
  readonly end: GapEnd
  /** Both healing and patience have ended. */
  readonly isOverdue: boolean
  /** Reading time that is left, in milliseconds; 0 when patience has ended. */
  readonly leftMs: number
}

/** The gaps of all streams of a consumer, in the order of their streams. */
export async function* eachGap(
  view: ConsumerView,
  known: KnownDomains,
  filter: { readonly domain?: string } = {},
): AsyncGenerator<StreamGap> {
  const { clock } = await view.reader.summary(view.consumer)
  for await (const stored of eachStream(view, { ...filter, onlyWaiting: true })) {
    yield* streamGaps(stored, known, clock)
  }
}

/** The gaps of one stream, the one at its head first. */
export function streamGaps(stored: StoredStream, known: KnownDomains, clock: Clock): readonly StreamGap[] {
  const { stream, state } = stored
  const applied = rulesFor(known, parseStreamPath(stream)?.domain ?? '', state)
  return gapsOf(applied.rules, state).map((gap) => describeGap(gap, { stored, applied, clock }))
}

function describeGap(
  gap: Gap,
  of: { readonly stored: StoredStream; readonly applied: AppliedRules; readonly clock: Clock },
): StreamGap {
  const { stored, applied, clock } = of
  const { rules, isConfigured } = applied
  const { from, to } = gap
  const waitedMs = Math.max(0, clock.readingMs - gap.clock.readingMs)
  const healing = healingOf(gap, applied, clock)
  return {
    stream: stored.stream,
    epoch: gap.epoch,
    ...shownRange(rules, { from, to }),
    missing: from === null ? null : width(from, to),
    isHead: gap.isHead,
    held: gap.held,
    since: gap.clock.now,
    waitedMs,
    isHalted: stored.state.halt !== undefined,
    ...(healing !== undefined && { healing }),
    ...(isConfigured && {
      policy: {
        patienceMs: rules.patienceMs,
        end: rules.gapEnd,
        isOverdue: waitedMs >= rules.patienceMs && isHealingOver(rules, gap.clock, clock.now),
        leftMs: Math.max(0, rules.patienceMs - waitedMs),
      },
    }),
  }
}

function healingOf(
  { clock }: Gap,
  { rules, isConfigured }: AppliedRules,
  { now }: Clock,
): GapHealing | undefined {
  const { heal } = clock
  if (!isConfigured) return heal
  if (rules.heal === undefined) return undefined
  const { attempts } = heal ?? { attempts: 0 }
  const nextAt = nextAttemptAt(rules, clock) ?? healingOverAt(rules, clock) ?? now
  const attemptsMax = rules.heal.attempts
  const asked = { attempts, attemptsMax, ...searchedFor(clock) }
  return { ...asked, ...(!isHealingOver(rules, clock, now) && { nextAt }) }
}

// Reads the steps of an operator's action as records: dead letters for events that were taken out, ledger
// entries for numbers that came to an account, all in the operator's name. Upholds I3.
import { InturnError } from '../core/errors.ts'
import type { Step } from '../core/pass.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { Failing } from '../core/stream-state.ts'
import { deadLetterKey } from '../ports/dead-letter-key.ts'
import type { HeldCache } from '../ports/held-cache.ts'
import type { DeadLetter, HeldEvent, HeldRange, LedgerEntry } from '../ports/records.ts'
import type { Operator } from './operator-options.ts'

/** What a commit has to keep and to forget besides the state. */
export interface OperatorRecords {
  readonly release: readonly HeldRange[]
  readonly deadLetters: readonly DeadLetter[]
  readonly ledger: readonly LedgerEntry[]
}

/** What the steps are read against. */
export interface RecordSetting {
  readonly stream: StreamPath
  readonly operator: Operator
  readonly held: HeldCache
  /** Milliseconds since 1970, by the store's clock. */
  readonly at: number
  /** The event that was failing before. */
  readonly failing: Failing | undefined
}

/** The records of an action. Asks `held` for the events that are taken out. */
export function operatorRecords(steps: readonly Step[], setting: RecordSetting): OperatorRecords {
  const all = steps.map((step) => recordsOf(step, setting))
  return {
    release: all.flatMap(({ release }) => release),
    deadLetters: all.flatMap(({ deadLetters }) => deadLetters),
    ledger: all.flatMap(({ ledger }) => ledger),
  }
}

const nothing: OperatorRecords = { release: [], deadLetters: [], ledger: [] }

type StepRange = { readonly epoch: Epoch; readonly after: Sequence | null; readonly to: Sequence }

function recordsOf(step: Step, setting: RecordSetting): OperatorRecords {
  const { reason } = setting.operator
  switch (step.kind) {
    case 'lost': {
      const why = step.cause === 'epoch-ended' ? step.cause : reason
      return { ...nothing, ledger: [entryOf('lost', { ...step, reason: why }, setting)] }
    }
    case 'filled':
      return { ...nothing, ledger: [entryOf('filled', { ...step, reason: step.reason || reason }, setting)] }
    case 'skipped':
      return takenOut(step, setting, {
        reason: 'skipped',
        detail: `skipped by ${setting.operator.by}: ${reason}`,
      })
    case 'epoch-ended':
      return takenOut(step, setting, {
        reason: 'epoch-ended',
        detail: `${setting.operator.by} opened a newer epoch of the stream`,
      })
    case 'fill':
    case 'verdict':
      return nothing
    case 'halted':
      if (step.reason !== undefined) return nothing
      throw new InturnError('invariant-violated', "an operator's action came to a halt at a gap")
    case 'release':
    case 'removed':
    case 'restarted':
      throw new InturnError('invariant-violated', `an operator's action came to a ${step.kind}`)
  }
}

function takenOut(
  { epoch, after, to }: StepRange,
  setting: RecordSetting,
  why: Pick<DeadLetter, 'reason' | 'detail'>,
): OperatorRecords {
  const { stream, held } = setting
  const events = held.events(epoch, after, to)
  const from = events[0]?.event.sequence ?? to
  const reason = why.reason === 'skipped' ? setting.operator.reason : why.reason
  return {
    release: [{ stream, epoch, after, to }],
    deadLetters: events.map((event) => letterOf(event, setting, why)),
    ledger: [entryOf('removed', { epoch, from, to, reason }, setting)],
  }
}

function letterOf(
  { stream, event }: HeldEvent,
  { at, failing }: RecordSetting,
  why: Pick<DeadLetter, 'reason' | 'detail'>,
): DeadLetter {
  const { epoch, sequence, id } = event
  const place = { stream, epoch, sequence, ...(id !== undefined && { id }), payload: event }
  const hasFailed = failing?.epoch === epoch && failing.sequence === sequence
  if (!hasFailed) return { ...place, key: deadLetterKey(place), ...why, at }
  const { attempts, stack } = failing
  const failed = { attempts, ...(stack !== undefined && { stack }) }
  return { ...place, key: deadLetterKey(place), ...why, at, ...failed }
}

function entryOf(
  kind: LedgerEntry['kind'],
  of: {
    readonly epoch: Epoch
    readonly from: Sequence | null
    readonly to: Sequence
    readonly reason: string
  },
  { stream, operator, at }: RecordSetting,
): LedgerEntry {
  const { epoch, from, to, reason } = of
  return { kind, stream, epoch, ...(from !== null && { from }), to, at, by: operator.by, reason }
}

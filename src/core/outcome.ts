// What a pass of the rules comes to, as a commit needs it: it is written while the pass decides, and nothing
// has to be read out of it later. The rules never see what an event carries: they say which arrival it is,
// or where it was held. Upholds I3: whatever is decided ends in one of these lists.
import type { Epoch, Position, Sequence } from './sequence.ts'
import type { Verdict, VerdictReason } from './verdict.ts'

/** What the rules say about a fill. */
export type FillVerdict = 'fill' | 'hold' | 'duplicate' | 'stale' | 'implausible' | 'refuse' | 'invalid'

/** Where a stream stands. */
export interface Standing {
  readonly epoch: Epoch
  readonly sequence: Sequence | undefined
}

/** Events of one epoch above `after` (`null`: from the lowest) and up to `to`. */
export interface EventRange {
  readonly epoch: Epoch
  readonly after: Sequence | null
  readonly to: Sequence
}

/** An event, or a fill by its first number, that something was decided about. */
export interface EventRef extends Position {
  /** Which arrival of the pass it is; `undefined`: it was held before. */
  readonly arrival: number | undefined
}

/** An event that is in turn. */
export interface Delivery extends EventRef {
  readonly kind: 'delivery'
  /** Where the stream stands if this event fails. */
  readonly before: Standing
}

/** What was decided about one arrival. */
export interface ArrivalVerdict extends Position {
  readonly kind: 'verdict'
  readonly verdict: Verdict | FillVerdict
  readonly reason?: VerdictReason
  /** A fill's last number. */
  readonly to?: Sequence
  /** Held events that came in turn by it, in order. */
  readonly released: readonly Delivery[]
}

/** Why the rules take an event out of its stream. A contract: the command line prints it. */
export type RemovalReason =
  | Exclude<Verdict, 'duplicate' | 'refuse' | 'deliver' | 'hold'>
  | 'epoch-ended'
  | 'skipped'
  | 'failed'
  | 'schema'
  | 'worker-died'

/** An event, or a fill, that becomes a dead letter. */
export interface Removed extends EventRef {
  readonly kind: 'dead-letter'
  readonly reason: RemovalReason
  readonly detail: string
  readonly attempts?: number
  readonly stack?: string
}

/** What the rules enter in the ledger. */
export type EntryKind = 'lost' | 'filled' | 'late' | 'removed' | 'epoch-opened' | 'halted'

/** A ledger entry, short of who made it and when. */
export interface Entry {
  readonly kind: EntryKind
  readonly epoch: Epoch
  /** `null` where the beginning of the chain is unknown (linked). */
  readonly from: Sequence | null
  readonly to: Sequence
  readonly reason: string
  /** The numbers were open when their epoch ended: the position has not passed them. */
  readonly isOver?: true
}

/** An arrival that is held from now on. */
export interface HeldArrival extends Position {
  readonly arrival: number
  readonly print: number
}

type NotedVerdict = ArrivalVerdict & { readonly released: Delivery[] }

/** The outcome of a pass. Only the pass writes it. */
export class Outcome {
  /** One per arrival. */
  readonly verdicts: NotedVerdict[] = []
  /** In the order of the stream. */
  readonly deliveries: Delivery[] = []
  /** By place. What is taken again is none of them any more. */
  readonly hold: Map<string, HeldArrival> = new Map<string, HeldArrival>()
  /** Where events were held before that are held no more. */
  readonly release: EventRange[] = []
  readonly deadLetters: Removed[] = []
  readonly ledger: Entry[] = []
  /**
   * What is worth printing, in the order in which it takes effect. What a verdict says of its own arrival is
   * not said again.
   */
  readonly inOrder: (ArrivalVerdict | Delivery | Removed | Entry)[] = []

  /** Notes the verdict about the next arrival; `to` is a fill's last number. */
  judge(
    { epoch, sequence, to }: Position & Pick<ArrivalVerdict, 'to'>,
    { verdict, reason }: Pick<ArrivalVerdict, 'verdict' | 'reason'>,
  ): void {
    const why = reason === undefined ? undefined : { reason }
    const end = to === undefined ? undefined : { to }
    const noted: NotedVerdict = { kind: 'verdict', verdict, ...why, epoch, sequence, ...end, released: [] }
    const arrival = this.verdicts.push(noted) - 1
    this.inOrder.push(noted)
    if (!isRemoval(verdict)) return
    const removed = { epoch, sequence, arrival, reason: verdict, detail: reason ?? verdict }
    this.deadLetters.push({ kind: 'dead-letter', ...removed })
  }

  /** Notes a held event that is in turn now. */
  deliverHeld(event: Omit<Delivery, 'kind'>): void {
    const delivery = { ...event, kind: 'delivery' } as const
    this.deliveries.push(delivery)
    this.verdicts.at(-1)?.released.push(delivery)
    this.inOrder.push(delivery)
  }

  /** Notes a held event that is taken out of its stream. */
  remove(event: Omit<Removed, 'kind'>): void {
    const removed = { ...event, kind: 'dead-letter' } as const
    this.deadLetters.push(removed)
    this.inOrder.push(removed)
  }

  /** Notes an account, or what else the ledger tells. */
  enter(entry: Entry): void {
    this.ledger.push(entry)
    this.inOrder.push(entry)
  }

  /** Whether all was refused. */
  get isIdle(): boolean {
    const { verdicts, inOrder } = this
    return inOrder.length === verdicts.length && verdicts.every(({ verdict }) => verdict === 'refuse')
  }
}

const others: ReadonlySet<Verdict | FillVerdict> = new Set(['deliver', 'fill', 'hold', 'duplicate', 'refuse'])

function isRemoval(verdict: Verdict | FillVerdict): verdict is RemovalReason & Verdict {
  return !others.has(verdict)
}

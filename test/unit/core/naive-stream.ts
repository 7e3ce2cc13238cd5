// The rules once more, as slowly and plainly as they can be written: one map entry a number, no spans, no
// indexes. Written from the rules' description alone, as the oracle that the fast rules are compared with.
import type { NaivePlace, NaiveReach } from './naive-turns.ts'
import { NaiveTurns } from './naive-turns.ts'

type Previous = number | null

export interface NaiveRules {
  readonly kind: 'contiguous' | 'linked'
  /** Contiguous: the first number; undefined is first-seen. */
  readonly start?: number | undefined
  readonly modulus?: number | undefined
  readonly heldMax: number
  readonly spanMax: number
  readonly conflictMemory: number
  readonly gapEnd: 'skip' | 'halt' | 'wait'
}

export interface NaiveEvent {
  readonly kind: 'event'
  /** Of the whole history, to say which arrival a line of the outcome speaks of. */
  readonly index: number
  readonly epoch: number
  readonly sequence: number
  readonly previous?: Previous | undefined
  readonly print: number
}

export interface NaiveFill {
  readonly kind: 'fill'
  readonly index: number
  readonly epoch: number
  readonly from: number
  readonly to: number
}

export type NaiveArrival = NaiveEvent | NaiveFill

export type NaiveAccount = 'delivered' | 'filled' | 'lost' | 'removed' | 'late' | 'between'

/** One piece of a held fill. */
interface Piece {
  readonly fill: NaiveFill
  readonly epoch: number
  readonly numbers: readonly number[]
}

export interface NaiveGap {
  readonly epoch: number
  readonly from: Previous
  readonly to: number
  readonly openedAt: number
}

interface Said {
  readonly verdict: string
  readonly reason?: string
}

const duplicate: Said = { verdict: 'duplicate' }
const epochOver: Said = { verdict: 'stale', reason: 'epoch-over' }
const streamFull: Said = { verdict: 'refuse', reason: 'stream-full' }
const windowUsedUp: Said = { verdict: 'refuse', reason: 'window-used-up' }
const ended8 = 8

/** One stream, contiguous or linked. Numbers are small and not negative in linked streams. */
export class NaiveStream {
  readonly rules: NaiveRules
  epoch = 0
  position: number | undefined
  /** The first number of each epoch that belongs to the stream. */
  readonly baselines: Map<number, number> = new Map<number, number>()
  readonly accounts: Map<string, NaiveAccount> = new Map<string, NaiveAccount>()
  readonly belowBaseline: Set<string> = new Set<string>()
  events: NaiveEvent[] = []
  pieces: Piece[] = []
  /** Ended epochs, oldest first, with their final positions. */
  ended: { epoch: number; final: number }[] = []
  memory: { epoch: number; sequence: number; print: number }[] = []
  haltedBy: NaiveGap | undefined
  readonly missingSince: Map<string, number> = new Map<string, number>()
  outcome: string[] = []
  readonly #turns: NaiveTurns | undefined
  #isHalfTurn = false
  readonly #printedFills = new Set<number>()

  constructor(rules: NaiveRules) {
    this.rules = rules
    if (rules.modulus !== undefined) this.#turns = new NaiveTurns(rules.modulus)
  }

  /** Decides one arrival; what follows is in `outcome`. */
  arrive(arrival: NaiveArrival, now: number): void {
    if (arrival.kind === 'fill') this.#arriveFill(arrival)
    else this.#arriveEvent(arrival)
    this.#settleTurns()
    this.#noteMissing(now)
  }

  /** Gives up the gap at the head, or halts there. */
  endHeadGap(now: number): void {
    const gap = this.gaps()[0]
    if (gap === undefined || this.haltedBy !== undefined || this.rules.gapEnd === 'wait') return
    if (this.rules.gapEnd === 'halt') {
      this.haltedBy = gap
      this.#isHalfTurn = false
      this.outcome.push(`halted ${gap.epoch}/${gap.from}..${gap.to}`)
      return
    }
    this.#open(gap.epoch)
    this.#lose(gap)
    this.position = gap.to
    this.#drain()
    this.#settleTurns()
    this.#noteMissing(now)
  }

  /** Maximal runs of missing numbers, in order. */
  gaps(): NaiveGap[] {
    const gaps: NaiveGap[] = []
    for (const epoch of this.#openEpochs()) {
      let from: number | undefined
      const missing = this.#missing(epoch)
      for (const n of missing) {
        from ??= n
        if (missing.includes(n + 1)) continue
        const isBeginning = this.rules.kind === 'linked' && this.#last(epoch) === undefined && from === 0
        const openedAt = this.missingSince.get(`${epoch}/${n}`) ?? Number.NaN
        gaps.push({ epoch, from: isBeginning ? null : from, to: n, openedAt })
        from = undefined
      }
    }
    return gaps
  }

  /** The gaps as texts: epoch, range, and when they opened. */
  gapTexts(): string[] {
    return this.gaps().map(({ epoch, from, to, openedAt }) => `${epoch}/${from}..${to}@${openedAt}`)
  }

  get heldCount(): number {
    return this.events.length + this.pieces.length
  }

  #lose({ epoch, from, to }: NaiveGap): void {
    this.outcome.push(`lost ${epoch}/${from}..${to}`)
    if (from === null) this.baselines.set(epoch, to + 1)
    else for (let n = from; n <= to; n++) this.accounts.set(`${epoch}/${n}`, 'lost')
  }

  #arriveEvent(wire: NaiveEvent): void {
    const place = this.#unwrap(wire.epoch, wire.sequence, wire.print)
    const event = { ...wire, sequence: typeof place === 'number' ? place : wire.sequence }
    const said = this.#judgeUnread(wire) ?? this.#judgePast(event) ?? this.#judgeAhead(event)
    const { epoch, sequence } = said.verdict === 'invalid' ? wire : event
    if (said.verdict === 'deliver' || said.verdict === 'hold') this.#noteBaseline(epoch, sequence)
    if (said.verdict === 'deliver') {
      this.haltedBy = undefined
      this.#open(epoch)
    }
    this.outcome.push(`#${wire.index} ${inWords(said)} ${epoch}/${sequence}`)
    if (said.verdict === 'deliver') {
      this.#accept(event)
      this.#drain()
    } else if (said.verdict === 'hold') {
      this.events.push(event)
      this.#endHaltIfClosed()
    } else if (said.reason !== 'half-the-modulus' && !this.#isStale(epoch)) {
      const upTo = typeof place === 'object' ? place.upTo : sequence
      if (said.verdict === 'refuse' || said.verdict === 'implausible') this.#refuse(epoch, upTo)
    }
  }

  #judgeUnread(wire: NaiveEvent): Said | undefined {
    const reason = this.#invalid(wire)
    if (reason !== undefined) return { verdict: 'invalid', reason }
    if (this.#isStale(wire.epoch)) return epochOver
    return this.#unplaced(wire.epoch, this.#unwrap(wire.epoch, wire.sequence, wire.print))
  }

  /** Stale, late and what is known already, under any numbering. */
  #judgePast(event: NaiveEvent): Said | undefined {
    const { epoch, sequence, print } = event
    const final = this.ended.find((one) => one.epoch === epoch)?.final
    if (epoch < this.epoch && final !== undefined && sequence > final) return epochOver
    const places = [...this.events, ...this.memory]
    const known = places.find((one) => one.epoch === epoch && one.sequence === sequence)
    const sameOrOther = known?.print === print ? duplicate : { verdict: 'conflict', reason: 'other-id' }
    if (known !== undefined && this.rules.kind === 'linked') return sameOrOther
    const late = this.#judgeLate(event, known === undefined ? undefined : sameOrOther)
    if (late !== undefined) return late
    if (known !== undefined) return sameOrOther
    const isFilled = this.accounts.get(`${epoch}/${sequence}`) === 'filled'
    if (isFilled || this.#pieceAt(epoch, sequence)) return { verdict: 'conflict', reason: 'filled-number' }
    const last = this.#last(epoch) ?? Number.NEGATIVE_INFINITY
    if (this.rules.kind === 'linked') return this.#judgeLink(event, sequence <= last)
    return sequence <= last ? duplicate : this.#judgeFar(sequence, last)
  }

  #judgeFar(sequence: number, last: number): Said | undefined {
    if (!Number.isFinite(last)) return undefined
    if (this.#turns?.isFar(sequence, last) === true) return windowUsedUp
    const isFar = sequence - last > this.rules.spanMax
    return isFar ? { verdict: 'implausible', reason: 'beyond-span-max' } : undefined
  }

  #judgeLate(event: NaiveEvent, known: Said | undefined): Said | undefined {
    const { epoch, sequence } = event
    const key = `${epoch}/${sequence}`
    const isLost = this.accounts.get(key) === 'lost'
    if (!isLost && sequence >= this.#firstOf(epoch)) return undefined
    if (!isLost && this.belowBaseline.has(key)) return known ?? duplicate
    if (isLost) this.accounts.set(key, 'late')
    else this.belowBaseline.add(key)
    this.#remember(event)
    return { verdict: 'late', reason: isLost ? 'account-lost' : 'below-start' }
  }

  #judgeLink(event: NaiveEvent, isPast: boolean): Said | undefined {
    const { epoch, sequence, previous = null } = event
    const taken = { verdict: 'conflict', reason: 'predecessor-taken' }
    if (isPast) {
      return this.#isCovered(epoch, sequence) ? taken : { verdict: 'duplicate', reason: 'not-proven' }
    }
    const position = this.#last(epoch)
    if (position !== undefined) {
      if (previous === null) return { verdict: 'conflict', reason: 'null-previous-on-started-stream' }
      if (previous < position) return taken
    }
    const overlaps = this.events.some((one) => {
      return one.epoch === epoch && linkOf(one).some((n) => linkOf(event).includes(n))
    })
    return overlaps ? taken : undefined
  }

  #judgeAhead(event: NaiveEvent): Said {
    if (this.#isInTurn(event)) return { verdict: this.#mayRun(event) ? 'deliver' : 'hold' }
    return this.heldCount >= this.rules.heldMax ? streamFull : { verdict: 'hold' }
  }

  #isCovered(epoch: number, sequence: number): boolean {
    if (this.rules.conflictMemory === 0) return false
    if (this.memory.length < this.rules.conflictMemory) return true
    return this.memory.some((one) => one.epoch < epoch || (one.epoch === epoch && one.sequence < sequence))
  }

  #arriveFill(wire: NaiveFill): void {
    const fill = this.#unwrapFill(wire)
    const { epoch, from } = fill
    const last = this.#last(epoch)
    const outside = this.#judgeFill(wire) ?? this.#judgeFillRange(fill)
    const numbers =
      outside === undefined ? range(Math.max(from, (last ?? Number.NEGATIVE_INFINITY) + 1), fill.to) : []
    const fresh = numbers.filter((n) => !this.#isHeld(epoch, n))
    const said = outside ?? this.#judgeFresh(fill, fresh)
    if (said.verdict === 'fill' || said.verdict === 'hold') this.#noteBaseline(epoch, from)
    if (said.verdict === 'fill') {
      this.haltedBy = undefined
      this.#open(epoch)
      this.#printedFills.add(fill.index)
    }
    this.outcome.push(`#${wire.index} fill-${inWords(said)}`)
    this.#noteUntaken(wire, fill, said)
    if (said.verdict === 'fill' || said.verdict === 'hold') this.#hold(fill, fresh)
    if (said.verdict === 'fill') this.#drain()
    else this.#endHaltIfClosed()
  }

  #unwrapFill(wire: NaiveFill): NaiveFill {
    const { modulus } = this.rules
    const place = this.#unwrap(wire.epoch, wire.from)
    const from = typeof place === 'number' ? place : wire.from
    const steps = modulus === undefined ? wire.to - wire.from : (wire.to - wire.from + modulus) % modulus
    return { ...wire, from, to: from + steps }
  }

  #judgeFill(wire: NaiveFill): Said | undefined {
    if (this.rules.kind === 'linked') return { verdict: 'invalid', reason: 'fill-needs-contiguous' }
    const unread = this.#outsideModulus(wire.from)
    if (unread !== undefined) return { verdict: 'invalid', reason: unread }
    const nowhere = this.#unplaced(wire.epoch, this.#unwrap(wire.epoch, wire.from))
    if (nowhere !== undefined) return nowhere
    const reason = this.#outsideModulus(wire.to)
    return reason === undefined ? undefined : { verdict: 'invalid', reason }
  }

  #judgeFillRange({ epoch, from, to }: NaiveFill): Said | undefined {
    if (from > to) return { verdict: 'invalid', reason: 'fill-not-a-range' }
    if (to - from + 1 > this.rules.spanMax) return { verdict: 'invalid', reason: 'fill-too-wide' }
    if (this.#isStale(epoch)) return epochOver
    const last = this.#last(epoch) ?? Number.NEGATIVE_INFINITY
    if (to <= last) return duplicate
    if (epoch < this.epoch) return epochOver
    const isFar = Number.isFinite(last) && to - last > this.rules.spanMax
    return isFar ? { verdict: 'implausible', reason: 'beyond-span-max' } : undefined
  }

  #judgeFresh({ epoch, from }: NaiveFill, fresh: readonly number[]): Said {
    if (fresh.length === 0) return duplicate
    const last = this.#last(epoch)
    const isInTurn =
      last === undefined ? this.#opens(epoch, from) : fresh[0] === last + 1 && this.#isOpenable(epoch)
    if (!isInTurn && this.#turns?.isFar(fresh.at(-1) ?? 0, last ?? Infinity) === true) return windowUsedUp
    if (!isInTurn) return this.heldCount >= this.rules.heldMax ? streamFull : { verdict: 'hold' }
    const mayRun = this.haltedBy === undefined || this.#wouldClose(epoch, fresh)
    return { verdict: mayRun ? 'fill' : 'hold' }
  }

  /** Keeps a fill's numbers, one piece for each run of them. */
  #hold(fill: NaiveFill, fresh: readonly number[]): void {
    let run: number[] = []
    for (const n of fresh) {
      run.push(n)
      if (fresh.includes(n + 1)) continue
      this.pieces.push({ fill, epoch: fill.epoch, numbers: run })
      run = []
    }
  }

  #invalid({ sequence, previous }: NaiveEvent): string | undefined {
    const problem = this.#outsideModulus(sequence)
    if (problem !== undefined || this.rules.kind === 'contiguous') return problem
    if (previous === undefined) return 'previous-missing'
    return previous !== null && previous >= sequence ? 'previous-not-below-sequence' : undefined
  }

  #outsideModulus(wire: number): string | undefined {
    const { modulus } = this.rules
    if (modulus !== undefined && wire >= modulus) return 'at-or-above-modulus'
    return modulus !== undefined && wire < 0 ? 'below-zero-with-modulus' : undefined
  }

  #unwrap(epoch: number, wire: number, print?: number): NaivePlace {
    const reach = this.#reach(epoch)
    if (this.#turns === undefined || reach === undefined || this.#isStale(epoch)) return wire
    const known = [...this.events, ...this.memory]
    return this.#turns.place(wire, reach, (n) =>
      known.some((one) => one.epoch === epoch && one.sequence === n && one.print !== print),
    )
  }

  #unplaced(epoch: number, place: NaivePlace): Said | undefined {
    if (place === 'half') return { verdict: 'implausible', reason: 'half-the-modulus' }
    if (typeof place === 'number') return undefined
    return this.#isOpenable(epoch) ? { verdict: 'refuse', reason: 'ambiguous-number' } : epochOver
  }

  #reach(epoch: number): NaiveReach | undefined {
    const last = this.#last(epoch)
    if (last === undefined) return undefined
    const events = this.events.filter((one) => one.epoch === epoch).map(({ sequence }) => sequence)
    const pieces = this.pieces.filter((one) => one.epoch === epoch).flatMap(({ numbers }) => numbers)
    return { epoch, last, held: [...events, ...pieces] }
  }

  #refuse(epoch: number, n: number): void {
    const reach = this.#reach(epoch)
    if (reach !== undefined) this.#turns?.refuse(n, reach)
  }

  #noteUntaken(wire: NaiveFill, fill: NaiveFill, { verdict, reason }: Said): void {
    if (reason === 'half-the-modulus' || (verdict !== 'refuse' && verdict !== 'implausible')) return
    const place = this.#unwrap(wire.epoch, wire.from)
    this.#refuse(wire.epoch, typeof place === 'object' ? place.upTo : fill.to)
  }

  /** Halts over a counter that has gone too far, unless something else halts; or goes on. */
  #settleTurns(): void {
    const doubtful = this.#turns?.epochs().find((epoch) => {
      const reach = this.#reach(epoch)
      return this.#isOpenable(epoch) && reach !== undefined && this.#turns?.isInDoubt(reach) === true
    })
    const reach = doubtful === undefined ? undefined : this.#reach(doubtful)
    if (reach === undefined || this.haltedBy !== undefined) {
      this.#isHalfTurn = false
      return
    }
    if (!this.#isHalfTurn) this.outcome.push(`half-turn ${doubtful}/${reach.last + 1}`)
    this.#isHalfTurn = true
  }

  /** The position, an ended epoch's final position, or the number before the first of an epoch to come. */
  #last(epoch: number): number | undefined {
    if (this.position !== undefined && epoch === this.epoch) return this.position
    const final = this.ended.find((one) => one.epoch === epoch)?.final
    const first = this.#firstOf(epoch)
    return final ?? (Number.isFinite(first) ? first - 1 : undefined)
  }

  #firstOf(epoch: number): number {
    return this.baselines.get(epoch) ?? this.rules.start ?? Number.NEGATIVE_INFINITY
  }

  /** First-seen: whatever comes first of an epoch is its first number. */
  #noteBaseline(epoch: number, sequence: number): void {
    const isFirstSeen = this.rules.kind === 'contiguous' && this.rules.start === undefined
    if (isFirstSeen && !this.baselines.has(epoch)) this.baselines.set(epoch, sequence)
  }

  #isStale(epoch: number): boolean {
    return !this.#isOpenable(epoch) && !this.ended.some((one) => one.epoch === epoch)
  }

  #isOpenable(epoch: number): boolean {
    return this.position === undefined || epoch >= this.epoch
  }

  #isInTurn(event: NaiveEvent): boolean {
    const { epoch, sequence, previous } = event
    if (this.position !== undefined && epoch === this.epoch) {
      return this.rules.kind === 'linked' ? previous === this.position : sequence === this.position + 1
    }
    return this.rules.kind === 'linked' ? previous === null : this.#opens(epoch, sequence)
  }

  /** Whether a contiguous number opens an epoch that is not open yet. */
  #opens(epoch: number, sequence: number): boolean {
    if (this.position !== undefined && epoch <= this.epoch) return false
    const first = this.#firstOf(epoch)
    return sequence === first || !Number.isFinite(first)
  }

  /** Not halted, or the last thing that the halt waits for. */
  #mayRun(event: NaiveEvent): boolean {
    if (this.haltedBy === undefined) return true
    return this.#wouldClose(event.epoch, this.rules.kind === 'linked' ? linkOf(event) : [event.sequence])
  }

  #wouldClose(epoch: number, numbers: readonly number[]): boolean {
    const gap = this.haltedBy
    if (gap === undefined || gap.epoch !== epoch) return false
    return this.#missing(epoch).every((n) => n > gap.to || numbers.includes(n))
  }

  #endHaltIfClosed(): void {
    const gap = this.haltedBy
    if (gap === undefined || this.#missing(gap.epoch).some((n) => n <= gap.to)) return
    this.haltedBy = undefined
    this.#drain()
  }

  #accept(event: NaiveEvent): void {
    const { epoch, sequence } = event
    for (let n = (this.position ?? sequence) + 1; n < sequence; n++)
      this.accounts.set(`${epoch}/${n}`, 'between')
    this.accounts.set(`${epoch}/${sequence}`, 'delivered')
    this.position = sequence
    this.#remember(event)
  }

  #remember({ epoch, sequence, print }: NaiveEvent): void {
    this.memory.push({ epoch, sequence, print })
    this.memory.sort((a, b) => a.epoch - b.epoch || a.sequence - b.sequence)
    while (this.memory.length > this.rules.conflictMemory) this.memory.shift()
  }

  /** Delivers what is held and in turn, one after another. */
  #drain(): void {
    while (this.haltedBy === undefined) {
      const event = this.events.find((one) => one.epoch === this.epoch && this.#isInTurn(one))
      const piece = this.position === undefined ? undefined : this.#pieceAt(this.epoch, this.position + 1)
      const opening = this.#openingEpoch()
      if (this.position !== undefined && event !== undefined) this.#release(event)
      else if (piece !== undefined) this.#takePiece(piece)
      else if (opening !== undefined) this.#openHeld(opening)
      else return
    }
  }

  /** The lowest epoch to come whose first event or fill is held. */
  #openingEpoch(): number | undefined {
    const events = this.events.filter((one) => one.epoch !== this.epoch || this.position === undefined)
    const epochs = events.filter((one) => this.#isInTurn(one)).map(({ epoch }) => epoch)
    for (const { epoch, numbers } of this.pieces) if (this.#opens(epoch, numbers[0] ?? 0)) epochs.push(epoch)
    return epochs.length === 0 ? undefined : Math.min(...epochs)
  }

  #openHeld(epoch: number): void {
    const first = this.events.find((event) => event.epoch === epoch && this.#isInTurn(event))
    this.#open(epoch)
    if (first !== undefined) this.#release(first)
  }

  #release(event: NaiveEvent): void {
    this.events = this.events.filter((one) => one !== event)
    this.outcome.push(`#${event.index} release ${event.epoch}/${event.sequence}`)
    this.#accept(event)
  }

  #takePiece(piece: Piece): void {
    if (!this.#printedFills.has(piece.fill.index)) this.outcome.push(`#${piece.fill.index} fill-released`)
    this.#printedFills.add(piece.fill.index)
    for (const n of piece.numbers) this.accounts.set(`${piece.epoch}/${n}`, 'filled')
    this.position = piece.numbers.at(-1)
    this.pieces = this.pieces.filter((one) => one !== piece)
  }

  /** Makes `epoch` the current one, if it is not, and ends all before it. */
  #open(epoch: number): void {
    if (this.position !== undefined && epoch === this.epoch) return
    for (const one of this.#openEpochs()) if (one < epoch) this.#end(one)
    const first = this.#firstOf(epoch)
    this.epoch = epoch
    this.position = this.rules.kind === 'contiguous' ? first - 1 : undefined
    this.ended = this.ended.slice(-ended8)
  }

  #end(epoch: number): void {
    const gaps = this.gaps().filter((gap) => gap.epoch === epoch)
    const events = this.events
      .filter((event) => event.epoch === epoch)
      .sort((a, b) => a.sequence - b.sequence)
    const burned = this.pieces.filter((piece) => piece.epoch === epoch).flatMap(({ numbers }) => numbers)
    for (const event of events) {
      this.outcome.push(`#${event.index} ended ${epoch}/${event.sequence}`)
      this.accounts.set(`${epoch}/${event.sequence}`, 'removed')
      this.#remember(event)
    }
    for (const n of burned) this.accounts.set(`${epoch}/${n}`, 'filled')
    for (const gap of gaps) this.#lose(gap)
    const numbers = [...events.map(({ sequence }) => sequence), ...burned]
    if (this.position !== undefined && epoch === this.epoch) numbers.push(this.position)
    this.events = this.events.filter((event) => event.epoch !== epoch)
    this.pieces = this.pieces.filter((piece) => piece.epoch !== epoch)
    this.ended.push({ epoch, final: Math.max(...numbers) })
  }

  /** The current epoch, if one is open, and those of which something is held, in order. */
  #openEpochs(): number[] {
    const epochs = new Set([...this.events, ...this.pieces].map(({ epoch }) => epoch))
    if (this.position !== undefined) epochs.add(this.epoch)
    return [...epochs].sort((a, b) => a - b)
  }

  #pieceAt(epoch: number, n: number): Piece | undefined {
    return this.pieces.find((piece) => piece.epoch === epoch && piece.numbers.includes(n))
  }

  #isHeld(epoch: number, n: number): boolean {
    return (
      this.#pieceAt(epoch, n) !== undefined ||
      this.events.some((event) => event.epoch === epoch && event.sequence === n)
    )
  }

  /** The numbers of an epoch in front of something held that have not come. */
  #missing(epoch: number): number[] {
    const events = this.events.filter((event) => event.epoch === epoch)
    const covered = new Set(
      events.flatMap((event) => (this.rules.kind === 'linked' ? linkOf(event) : [event.sequence])),
    )
    for (const piece of this.pieces) if (piece.epoch === epoch) for (const n of piece.numbers) covered.add(n)
    if (covered.size === 0) return []
    const lowest = this.rules.kind === 'linked' ? 0 : Math.min(...covered)
    return range((this.#last(epoch) ?? lowest - 1) + 1, Math.max(...covered)).filter((n) => !covered.has(n))
  }

  #noteMissing(now: number): void {
    const missing = new Set(
      this.#openEpochs().flatMap((epoch) => this.#missing(epoch).map((n) => `${epoch}/${n}`)),
    )
    for (const key of this.missingSince.keys()) if (!missing.has(key)) this.missingSince.delete(key)
    for (const key of missing) if (!this.missingSince.has(key)) this.missingSince.set(key, now)
  }
}

function inWords({ verdict, reason }: Said): string {
  return reason === undefined ? verdict : `${verdict}(${reason})`
}

/** The numbers that a linked event claims: its own, and those between its predecessor and it. */
function linkOf({ sequence, previous }: NaiveEvent): number[] {
  return range((previous ?? -1) + 1, sequence)
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index)
}

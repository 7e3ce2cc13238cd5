import { InturnError } from '../../../src/core/errors.ts'
import type { InturnEvent, TrackedEvent } from '../../../src/core/event.ts'
import { contiguous, increasing, linked } from '../../../src/core/numbering.ts'
import type { TrackedNumbering } from '../../../src/core/numbering.ts'
import { defaultStreamLimits } from '../../../src/core/rules.ts'
import type { GapEnd, StreamRules } from '../../../src/core/rules.ts'
// A consumer's life with an operator in it: arrivals, failures, ends of gaps and operator actions in random
// order. Beside it stands a plain account of every number, kept from what handlers did and what the ledger
// says, to hold the store's own books against; and each event says itself which number it bears.
import { streamPath } from '../../../src/core/stream-path.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import type { KnownDomains } from '../../../src/operate/domain-rules.ts'
import { fill, halt, resume, retry, skip } from '../../../src/operate/operate-stream.ts'
import type { OperatorTarget } from '../../../src/operate/operator-options.ts'
import { pauseDomain, resumeDomain } from '../../../src/operate/pause-domain.ts'
import { seek } from '../../../src/operate/seek.ts'
import type { Store } from '../../../src/ports/store.ts'
import type { StreamHistory } from '../../../src/ports/stream-history.ts'
import type { SeededRandom } from '../../../src/testing/seeded-random.ts'

export const consumer = 'billing'

type Account = 'delivered' | 'lost' | 'filled' | 'removed' | 'late'

const refusals = ['operation-refused', 'position-moved', 'history-unavailable', 'usage']

/** One consumer of a store, its operator, and the plain accounts. */
export class OperatorHistory {
  readonly domains: KnownDomains
  /** Actions that were granted, by command. */
  readonly granted: Record<string, number> = {}
  /** What was wrong by the plain accounts. */
  readonly problems: string[] = []
  readonly #random: SeededRandom
  readonly #processor: Processor
  readonly #target: OperatorTarget
  readonly #past = new Map<string, TrackedEvent>()
  readonly #accounts = new Map<string, Account>()
  /**
   * Streams of which the operator has said what is not so: that what comes next follows what is held (refused
   * events never come again here), or that numbers of an epoch are burned that its producer has not reached.
   */
  readonly #vouched = new Set<string>()
  #called: string[] = []
  #fails = 0.08
  #ledgerRead: string | undefined
  #isPaused = false

  constructor(store: Store, random: SeededRandom, now: () => number) {
    this.#random = random
    const gapEnd = random.pick<GapEnd>(['wait', 'skip', 'halt'])
    const failure = { attempts: 2, then: random.pick<'halt' | 'dead-letter'>(['halt', 'dead-letter']) }
    const numbering = random.pick<TrackedNumbering>([
      contiguous(),
      contiguous({ start: 0 }),
      contiguous({ start: 'first-seen' }),
      contiguous({ modulus: 64 }),
      linked(),
      increasing(),
    ])
    const rules: StreamRules = { ...defaultStreamLimits, numbering, gapEnd, heldMax: 20, patienceMs: 2_000 }
    this.domains = new Map([['account', { rules, failure }]])
    this.#target = { store, consumer, domains: this.domains }
    this.#processor = createProcessor({
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
          handle: (event) => this.#handle(event),
        },
      },
    })
    this.now = now
  }

  readonly now: () => number

  /** Something happens: mostly events arrive, sometimes an operator acts. */
  async step(reached: number): Promise<void> {
    const what = this.#random.next()
    if (what < 0.5) await this.#arrive(reached)
    else if (what < 0.65) await this.#processor.sweep()
    else await this.#act(reached)
    await this.#account()
  }

  /** Lets everything that can move come to rest. */
  async settle(): Promise<void> {
    this.#fails = 0
    if (this.#isPaused) await this.#attempt('resume-domain')
    for (let round = 0; round < 200; round++) if ((await this.#processor.sweep()) === 0) break
    await this.#account()
    if (!this.#isDense) return
    for (const stream of await this.#target.store.reader.streams(consumer, { limit: 100 })) {
      const { epoch, position, baseline } = stream.state
      for (let number = Number(baseline); number <= Number(position ?? -1); number++) {
        const key = `${stream.stream}/${epoch}/${number}`
        if (!this.#accounts.has(key)) this.problems.push(`${key} has no account`)
      }
    }
  }

  async close(): Promise<void> {
    await this.#processor.close()
  }

  async #arrive(reached: number): Promise<void> {
    const count = this.#random.whole(1, 8)
    const messages = Array.from({ length: count }, () => {
      const stream = this.#random.pick(['a', 'b'])
      const own = Math.floor(reached / 80)
      const epoch = this.#random.chance(0.02) ? 1 : own
      const number = Math.max(0, (epoch === own ? reached % 80 : 0) + this.#random.whole(-6, 6))
      const sequence = number % this.#modulus
      const previous = sequence <= 1 ? null : sequence - (this.#random.chance(0.1) ? 2 : 1)
      const place = `${streamPath('account', stream)}/${epoch}/${number}`
      return { domain: 'account', stream, epoch, sequence, previous, id: place, data: { place } }
    })
    await this.#processor.process(messages)
  }

  get #modulus(): number {
    const { numbering } = this.domains.get('account')?.rules ?? { numbering: contiguous() }
    return numbering.kind === 'contiguous' ? (numbering.modulus ?? Infinity) : Infinity
  }

  #handle(event: InturnEvent): void {
    if (this.#random.chance(this.#fails)) throw new Error('fails')
    const { stream, epoch, sequence, data } = event
    const path = streamPath('account', stream)
    const place = `${path}/${epoch}/${String(sequence)}`
    const { place: own } = data as { readonly place: string }
    if (own !== place && !this.#vouched.has(path)) this.problems.push(`${own} was delivered as ${place}`)
    this.#called.push(place)
    this.#past.set(place, { ...event, domain: 'account', sequence: Number(sequence) })
  }

  async #act(reached: number): Promise<void> {
    const command = this.#random.pick([
      'retry',
      'skip',
      'fill',
      'halt',
      'resume',
      'resume',
      'seek',
      'seek',
      this.#isPaused ? 'resume-domain' : 'pause-domain',
    ])
    await this.#attempt(command, reached)
  }

  async #attempt(command: string, reached = 0): Promise<void> {
    const stream = streamPath('account', this.#random.pick(['a', 'b']))
    const request = { stream, by: 'ann', reason: 'because', waitMs: 0 }
    const { state } = (await this.#target.store.reader.stream(consumer, stream)) ?? {}
    try {
      await this.#run(command, request, reached)
      const isResumed = command === 'resume' && state?.halt?.cause === 'half-turn'
      const isFilledAhead = command === 'fill' && (state?.epoch ?? 0) !== Math.floor(reached / 80)
      if (isResumed || isFilledAhead) this.#vouched.add(stream)
      this.granted[command] = (this.granted[command] ?? 0) + 1
    } catch (error) {
      if (!(error instanceof InturnError) || !refusals.includes(error.code)) throw error
    }
  }

  async #run(
    command: string,
    request: { readonly stream: string; readonly by: string; readonly reason: string },
    reached: number,
  ): Promise<void> {
    const target = this.#target
    const number = Math.max(0, (reached % 80) + this.#random.whole(-8, 8))
    if (command === 'retry') await retry(target, request)
    else if (command === 'skip') await skip(target, request)
    else if (command === 'fill') {
      const from = number % this.#modulus
      await fill(target, { ...request, from, to: (from + this.#random.whole(0, 3)) % this.#modulus })
    } else if (command === 'halt') await halt(target, request)
    else if (command === 'resume') await resume(target, request)
    else if (command === 'seek') await this.#seek(request)
    else if (command === 'pause-domain') {
      await pauseDomain(target, { ...request, domain: 'account' })
      this.#isPaused = true
    } else {
      await resumeDomain(target, { ...request, domain: 'account' })
      this.#isPaused = false
    }
  }

  async #seek(request: {
    readonly stream: string
    readonly by: string
    readonly reason: string
  }): Promise<void> {
    const { store } = this.#target
    const state = (await store.reader.stream(consumer, request.stream))?.state
    const { position = 0, epoch = 0 } = state ?? {}
    const to = Math.max(0, Number(position) + this.#random.whole(-6, 5)) % this.#modulus
    const later = this.#random.chance(0.05) ? { epoch: epoch + 1 } : {}
    const history: StreamHistory = { name: 'what was handled', read: async (range) => this.#read(range) }
    const expectPosition = state?.position === undefined ? 'unknown' : position
    const { direction, history: handed } = await seek(this.#target, {
      ...request,
      to,
      ...later,
      history,
      expectPosition,
    })
    const what = `seek-${direction}`
    this.granted[what] = (this.granted[what] ?? 0) + 1
    if ((handed?.handedOver ?? 0) > 0) this.granted['handed-over'] = (this.granted['handed-over'] ?? 0) + 1
  }

  #read(range: Parameters<StreamHistory['read']>[0]): readonly TrackedEvent[] {
    const events: TrackedEvent[] = []
    for (let number = Number(range.from); number <= Number(range.to); number++) {
      const event = this.#past.get(`${range.stream}/${range.epoch}/${number}`)
      if (event !== undefined) events.push(event)
    }
    return events.slice(0, range.limit)
  }

  /** Whether every number has an account: with contiguous numbers only. */
  get #isDense(): boolean {
    return this.domains.get('account')?.rules.numbering.kind === 'contiguous'
  }

  /** Takes what has happened since the last time into the plain accounts. */
  async #account(): Promise<void> {
    if (!this.#isDense) return
    for (const key of this.#called) this.#set(key, 'delivered')
    this.#called = []
    const { reader } = this.#target.store
    for (;;) {
      const after = this.#ledgerRead === undefined ? {} : { after: this.#ledgerRead }
      const page = await reader.ledger(consumer, { limit: 100, ...after })
      for (const entry of page) this.#enter(entry)
      this.#ledgerRead = page.at(-1)?.cursor ?? this.#ledgerRead
      if (page.length === 0) return
    }
  }

  #enter(entry: {
    kind: string
    stream?: string
    epoch?: number
    from?: unknown
    to?: unknown
    reason: string
  }): void {
    const { kind, stream = '', epoch = 0, reason } = entry
    for (let number = Number(entry.from); number <= Number(entry.to); number++) {
      const key = `${stream}/${epoch}/${number}`
      if (kind === 'lost' || kind === 'filled' || kind === 'removed') this.#set(key, kind)
      else if (kind === 'recalled') {
        if (!this.#accounts.delete(key)) this.problems.push(`${key} was recalled and had no account`)
      } else if (kind === 'late' && reason === 'account-lost') {
        if (this.#accounts.get(key) !== 'lost') this.problems.push(`${key} is late and was not lost`)
        this.#accounts.set(key, 'late')
      }
    }
  }

  #set(key: string, account: Account): void {
    const known = this.#accounts.get(key)
    if (known !== undefined) this.problems.push(`${key} is ${account} and was ${known} already`)
    this.#accounts.set(key, account)
  }
}

// The producers of a simulation: number the events of every stream by its domain's numbering, and now and
// then do what producers do wrong. And the transport's plan: when copies of each message come to each
// consumer.
import { after } from '../../src/core/sequence.ts'
import type { Sequence } from '../../src/core/sequence.ts'
import { streamPath } from '../../src/core/stream-path.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { Arrivals, Produced } from './produced.ts'
import type { DomainScenario, Scenario } from './scenario.ts'

/** How far ahead of the position a number is believed in every simulation. */
export const spanMax = 1_000

/** Everything that is produced, in the order of production. */
export function produceAll(scenario: Scenario, random: SeededRandom): readonly Produced[] {
  const produced: Produced[] = []
  const draws = { random, refusals: new SeededRandom(scenario.seed ^ 0x5c4f) }
  const streams = scenario.domains.flatMap((domain) =>
    Array.from({ length: domain.streams }, (_, index) => new StreamProducer(domain, `s${index}`, draws)),
  )
  let open = streams
  while (open.length > 0) {
    const [first, ...others] = open
    if (first === undefined) break
    random.pick([first, ...others]).produce(produced)
    open = open.filter(({ isDone }) => !isDone)
  }
  return produced
}

/** When copies of each message come to one consumer. */
export function planArrivals(
  scenario: Scenario,
  produced: readonly Produced[],
  random: SeededRandom,
): readonly Arrivals[] {
  const domains = new Map(scenario.domains.map((domain) => [domain.name, domain]))
  const spreadMs = scenario.activeMs * random.pick([0.1, 0.9])
  return produced.map((message, index) => {
    const { lostChance = 0, keptBackChance = 0 } = domains.get(message.domain) ?? {}
    const baseMs = Math.floor((index / produced.length) * spreadMs)
    if (random.chance(lostChance)) return { produced: message, copiesAtMs: [] }
    if (random.chance(keptBackChance)) return { produced: message, copiesAtMs: [Infinity] }
    const copiesAtMs = [baseMs + delayMs(scenario, random)]
    while (random.chance(scenario.doubleChance)) copiesAtMs.push(baseMs + delayMs(scenario, random) * 3)
    const inTime = copiesAtMs.map((atMs) => Math.min(atMs, scenario.activeMs - 1))
    return { produced: message, copiesAtMs: inTime.sort((a, b) => a - b) }
  })
}

function delayMs({ jitterMs, activeMs }: Scenario, random: SeededRandom): number {
  if (jitterMs > 0 && random.chance(0.02)) return random.whole(0, activeMs / 2)
  return random.whole(0, jitterMs)
}

/** Numbers the events of one stream. */
class StreamProducer {
  readonly #domain: DomainScenario
  readonly #stream: string
  readonly #random: SeededRandom
  readonly #refusals: SeededRandom
  #left: number
  #epoch = 0
  #last: Sequence | undefined

  /** `refusals`: drawn apart, so that a world without them stays as it was. */
  constructor(
    domain: DomainScenario,
    stream: string,
    { random, refusals }: { readonly random: SeededRandom; readonly refusals: SeededRandom },
  ) {
    this.#domain = domain
    this.#stream = stream
    this.#random = random
    this.#refusals = refusals
    this.#left = domain.events
  }

  get isDone(): boolean {
    return this.#left <= 0
  }

  /** Produces the next message, and sometimes one that is wrong. */
  produce(produced: Produced[]): void {
    const random = this.#random
    const { kind } = this.#domain.numbering
    this.#left--
    if (kind !== 'unordered' && this.#last !== undefined && random.chance(0.02)) {
      this.#epoch++
      this.#last = undefined
    }
    if (random.chance(0.02)) produced.push(this.#invalid(produced.length))
    if (kind === 'contiguous' && random.chance(0.05)) return void produced.push(this.#fill(produced.length))
    const event = this.#event(produced.length, { previous: this.#last, sequence: this.#next() })
    produced.push(event)
    if (kind !== 'contiguous' || !random.chance(0.03)) return
    if (random.chance(0.5)) produced.push(this.#rival(produced.length, event))
    else if (this.#believesOnlyNear()) produced.push(this.#farAhead(produced.length, event))
  }

  #event(
    uid: number,
    place: { readonly previous: Sequence | undefined; readonly sequence: Sequence },
  ): Produced {
    const { name, poisonChance, failChance, deadlyChance, attempts, numbering } = this.#domain
    const random = this.#random
    const isPoison = random.chance(poisonChance)
    const failures = random.chance(failChance) ? random.whole(1, Math.max(1, attempts - 1)) : 0
    const message = {
      domain: name,
      stream: this.#stream,
      ...(numbering.kind !== 'unordered' && { sequence: this.#onWire(place.sequence) }),
      ...(this.#epoch > 0 && { epoch: this.#epoch }),
      ...(numbering.kind === 'linked' && { previous: place.previous ?? null }),
      id: `e${uid}`,
      data: { uid },
    }
    return {
      ...this.#common(uid, message),
      kind: 'event',
      sequence: place.sequence,
      failures: isPoison ? Infinity : failures,
      isFiltered: random.chance(0.04),
      isRefused: this.#refusals.chance(this.#domain.refusedChance),
      isDeadly: random.chance(deadlyChance),
      handlerMs: random.chance(0.03) ? random.whole(500, 3_000) : random.pick([0, 0, 5, 40]),
    }
  }

  #fill(uid: number): Produced {
    const from = this.#next()
    let to = from
    for (let more = this.#random.whole(0, 2); more > 0; more--) to = this.#next()
    const range = { from: this.#onWire(from), to: this.#onWire(to) }
    const fill = { ...range, reason: `uid ${uid}` }
    const epoch = this.#epoch > 0 ? { epoch: this.#epoch } : {}
    const message = { domain: this.#domain.name, stream: this.#stream, ...epoch, fill }
    return { ...this.#common(uid, message), kind: 'fill', sequence: to, fillFrom: from }
  }

  #invalid(uid: number): Produced {
    const data = { uid }
    const broken = [
      { domain: 'no_such_domain', stream: this.#stream, sequence: 1, data },
      { domain: this.#domain.name, stream: this.#stream, sequence: 'seven', epoch: 'x', data },
      { domain: this.#domain.name, stream: '', sequence: 1, epoch: null, data },
    ] as const
    const isTracked = this.#domain.numbering.kind !== 'unordered'
    const message = isTracked ? this.#random.pick<Readonly<Record<string, unknown>>>(broken) : broken[0]
    return { ...this.#common(uid, message), kind: 'invalid', sequence: -1 }
  }

  /** Another event with the same number. */
  #rival(uid: number, event: Produced): Produced {
    return {
      ...event,
      uid,
      isConflict: true,
      message: { ...event.message, id: `e${uid}`, data: { uid } },
    }
  }

  #farAhead(uid: number, event: Produced): Produced {
    const sequence = Number(event.sequence) + spanMax * 5
    const message = { ...event.message, sequence, id: `e${uid}`, data: { uid } }
    return { ...event, uid, sequence, message, isImplausible: true }
  }

  #common(
    uid: number,
    message: Readonly<Record<string, unknown>>,
  ): Omit<Produced, 'kind' | 'sequence' | 'fillFrom'> {
    return {
      uid,
      message,
      domain: this.#domain.name,
      path: streamPath(this.#domain.name, this.#stream),
      epoch: this.#epoch,
      isConflict: false,
      isImplausible: false,
      failures: 0,
      isFiltered: false,
      isRefused: false,
      isDeadly: false,
      handlerMs: 0,
    }
  }

  #next(): Sequence {
    const { numbering } = this.#domain
    const random = this.#random
    let next: Sequence
    if (numbering.kind === 'contiguous') {
      const start = numbering.start === 'first-seen' ? random.whole(1, 40) : numbering.start
      next = this.#last === undefined ? start : after(this.#last)
    } else if (numbering.kind === 'increasing' && this.#last === undefined && random.chance(0.4)) {
      next = 2n ** 60n + BigInt(random.whole(0, 9))
    } else {
      const step = random.whole(1, 5)
      next = typeof this.#last === 'bigint' ? this.#last + BigInt(step) : (this.#last ?? 0) + step
    }
    this.#last = next
    return next
  }

  #onWire(sequence: Sequence): number | string {
    const { numbering } = this.#domain
    if (typeof sequence === 'bigint') return sequence.toString()
    const modulus = numbering.kind === 'contiguous' ? numbering.modulus : undefined
    return modulus === undefined ? sequence : sequence % modulus
  }

  #believesOnlyNear(): boolean {
    const { numbering } = this.#domain
    return (
      numbering.kind === 'contiguous' && numbering.modulus === undefined && numbering.start !== 'first-seen'
    )
  }
}

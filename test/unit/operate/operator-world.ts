// An operator beside a processor on one store in memory: what both do happens on virtual time.
import { contiguous } from '../../../src/core/numbering.ts'
import { defaultStreamLimits } from '../../../src/core/rules.ts'
import type { StreamRules } from '../../../src/core/rules.ts'
import type { StreamState } from '../../../src/core/stream-state.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import type { StreamRequest } from '../../../src/operate/change-stream.ts'
import type { KnownDomains } from '../../../src/operate/domain-rules.ts'
import type { OperatorTarget } from '../../../src/operate/operator-options.ts'
import { verifyConsumer } from '../../../src/operate/verify.ts'
import type { Store } from '../../../src/ports/store.ts'
import type { DomainShape } from '../engine/engine-world.ts'
import { consumer, EngineWorld, path, sweepAll } from '../engine/engine-world.ts'

/** Who and why, for the stream `a`. */
export const byAnn: StreamRequest = { stream: path('a'), by: 'ann', reason: 'the bank is back', waitMs: 0 }

/** A world with an operator in it. */
export class OperatorWorld extends EngineWorld {
  readonly operated: Store
  readonly target: OperatorTarget
  readonly processing: Processor
  /** Numbers whose handler fails. */
  readonly failing: Set<number> = new Set<number>()

  constructor(rules: Partial<StreamRules> = {}, domain: DomainShape = {}) {
    super()
    const { numbering = contiguous() } = rules
    const failure = { attempts: 2, then: 'halt' } as const
    const domains: KnownDomains = new Map([
      ['account', { rules: { ...defaultStreamLimits, numbering, ...rules }, failure }],
    ])
    this.operated = this.store()
    this.target = { store: this.operated, consumer, domains, timers: this.timers }
    this.processing = this.processor({
      numbering,
      ...(rules.gapEnd !== undefined && { gap: { then: rules.gapEnd, patience: '30s' } }),
      failure: { ...failure, backoff: 1_000 },
      handle: (event: { readonly stream: string; readonly sequence: number }) => {
        if (this.failing.has(event.sequence)) throw new Error('no money')
        this.calls.push(`${event.stream}:${event.sequence}`)
      },
      ...domain,
    })
  }

  /** Fails at a number until its attempts are used up. */
  async failAt(sequence: number): Promise<void> {
    this.failing.add(sequence)
    for (let attempt = 0; attempt < 2; attempt++) {
      await this.processing.sweep()
      await this.timers.advance(60_000)
    }
    await this.processing.sweep()
  }

  async sweep(): Promise<void> {
    await sweepAll(this.processing)
  }

  async state(stream = 'a'): Promise<StreamState> {
    const stored = await this.stream(stream)
    if (stored === undefined) throw new Error('the stream is not known')
    return stored.state
  }

  /** What of the books does not add up. */
  async imbalances(): Promise<readonly unknown[]> {
    const { store, domains } = this.target
    return (await verifyConsumer({ reader: store.reader, consumer }, domains)).imbalances
  }
}

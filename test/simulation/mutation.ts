// Where a simulation can be broken on purpose, from outside the engine, to prove that its checks notice.
import type { Source } from '../../src/ports/source.ts'
import type { Store } from '../../src/ports/store.ts'
import type { Timers } from '../../src/ports/timers.ts'
import type { Copy } from './broker.ts'
import type { EffectTransaction } from './effect-logs.ts'

/** A way to break the system under test: what it puts between an engine and its ports. */
export interface Mutation {
  readonly store?: (store: Store<EffectTransaction>) => Store<EffectTransaction>
  readonly source?: (source: Source<Copy>) => Source<Copy>
  /** Runs beside the workers, for as long as the simulation does. */
  readonly beside?: (parts: {
    readonly store: Store
    readonly timers: Timers
    readonly consumers: readonly string[]
  }) => void
}

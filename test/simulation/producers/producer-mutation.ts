// Where the simulation of producers can be broken on purpose, between a part of inturn and its ports.
import type { EventLog } from '../../../src/ports/event-log.ts'
import type { Healer } from '../../../src/ports/healer.ts'
import type { SequenceStore } from '../../../src/ports/sequence-store.ts'
import type { Sink } from '../../../src/ports/sink.ts'
import type { Timers } from '../../../src/ports/timers.ts'
import type { LogBaseline } from '../../../src/producer/log-healer.ts'

/** A way to break the system under test. */
export interface ProducerMutation {
  readonly log?: (log: EventLog) => EventLog
  readonly sink?: (sink: Sink, timers: Timers) => Sink
  readonly healer?: (healer: Healer) => Healer
  readonly baseline?: (baseline: LogBaseline) => LogBaseline
  readonly sequences?: (sequences: SequenceStore) => SequenceStore
}

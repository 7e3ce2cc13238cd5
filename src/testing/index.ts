// What is published for tests: conformance suites, virtual time, and stores, sources and event logs that fail
// on purpose.
export { eventLogSkipReason } from './event-log-suite/event-log-case.ts'
export type {
  BesideUserData,
  EventLogCapabilities,
  EventLogCase,
  EventLogFixture,
} from './event-log-suite/event-log-case.ts'
export { eventLogSuite } from './event-log-suite/event-log-suite.ts'
export { aroundEventLog } from './around-event-log.ts'
export type { EventLogMethod } from './around-event-log.ts'
export { aroundSource } from './around-source.ts'
export type { SourceMethod } from './around-source.ts'
export { aroundStore } from '../ports/around-store.ts'
export type { StoreMethod } from '../ports/around-store.ts'
export { faultAt, faultsByChance } from './faults.ts'
export type { Fault, FaultPlan } from './faults.ts'
export { faultyEventLog } from './faults.ts'
export { faultySource } from './faults.ts'
export { faultyStore } from './faults.ts'
export type { AroundCall, PortCall } from '../ports/port-call.ts'
export { SeededRandom } from './seeded-random.ts'
export { sinkSuite } from './sink-suite/sink-suite.ts'
export { whySinkSkipped } from './sink-suite/sink-world.ts'
export type { SinkCase, SinkFaults, SinkWorld } from './sink-suite/sink-world.ts'
export { sourceSuite } from './source-suite/source-suite.ts'
export { SourceSession, whySkipped } from './source-suite/source-world.ts'
export type { SourceCase, SourceFeature, SourceWorld } from './source-suite/source-world.ts'
export { skipReason } from './store-suite/store-case.ts'
export type {
  CommandEffects,
  HandlerEffects,
  StalledHandle,
  StoreCapabilities,
  StoreCase,
  StoreFixture,
} from './store-suite/store-case.ts'
export { storeSuite } from './store-suite/store-suite.ts'
export { VirtualTimers } from './virtual-timers.ts'

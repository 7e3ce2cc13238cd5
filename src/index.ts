// The public API of inturn. Stores, transports, operations and the testing kit have entries of their own.
export type { Duration } from './core/duration.ts'
export { InturnError } from './core/errors.ts'
export type { ErrorCode, InturnErrorOptions } from './core/errors.ts'
export { ExactNumber } from './core/exact-number.ts'
export type { FillEvent, InturnEvent, TrackedEvent, UnorderedEvent } from './core/event.ts'
export { contiguous, increasing, linked, unordered } from './core/numbering.ts'
export type {
  Contiguous,
  IdWindow,
  Increasing,
  Linked,
  Numbering,
  TrackedNumbering,
  Unordered,
} from './core/numbering.ts'
export type { FillVerdict } from './core/outcome.ts'
export type { GapEnd } from './core/rules.ts'
export type { Epoch, Position, Sequence } from './core/sequence.ts'
export { idempotencyKey, parseStreamPath, streamPath } from './core/stream-path.ts'
export type { StreamPath } from './core/stream-path.ts'
export { verdicts } from './core/verdict.ts'
export type { Verdict, VerdictReason } from './core/verdict.ts'
export type { CaughtUpRequest } from './engine/caught-up.ts'
export { defineConfig } from './engine/define-config.ts'
export type { Config } from './engine/define-config.ts'
export type {
  BatchContext,
  CommonDomainOptions,
  DomainOptions,
  ExternalContext,
  FieldNames,
  FailureOptions,
  GapOptions,
  HandlerContext,
  HandlerResult,
  TransactionContext,
  TypedDomains,
} from './engine/domain-options.ts'
export { eventFrom } from './core/event-from.ts'
export type { EventFields, EventFrom } from './core/event-from.ts'
export type { HealOptions } from './engine/healing/heal-options.ts'
export { letterReader } from './engine/letter-reader.ts'
export type { ReadingOptions } from './engine/letter-reader.ts'
export type { ProcessResult } from './engine/process-result.ts'
export type { EngineOptions, ProcessorOptions } from './engine/processor-options.ts'
export { createProcessor } from './engine/processor.ts'
export type { Processor } from './engine/processor.ts'
export type { Redelivered, RedeliverRequest } from './engine/redeliver.ts'
export type { SchemaIssue, SchemaResult, StandardSchema } from './ports/standard-schema.ts'
export { historyOf } from './engine/stream-history.ts'
export type { RunEnd, StandingStream } from './engine/standing-streams.ts'
export { createWorker } from './engine/worker.ts'
export type { RunOptions, Worker, WorkerOptions } from './engine/worker.ts'
export type { Healer, HealRequest } from './ports/healer.ts'
export type { Log } from './ports/log.ts'
export type { LetterReader, LetterReading } from './ports/letter-reader.ts'
export type { Checkpoint, Delivery, ReadRequest, Source, SourceExtent } from './ports/source.ts'
export type { Store, UnitOfWork } from './ports/store.ts'
export type { PastRange, StreamHistory } from './ports/stream-history.ts'
export type {
  CallWatch,
  DurableTurn,
  EngineNews,
  HandlerBatch,
  HandlerCall,
  Listener,
  StoreCall,
  Telemetry,
  TelemetryProvider,
  WatchedDomain,
  WatchedEngine,
} from './ports/telemetry.ts'
export type { Random, Timers } from './ports/timers.ts'

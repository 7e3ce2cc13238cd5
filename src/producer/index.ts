// The producer's half of inturn, the entry `inturn/producer`: what numbers events before they are sent.
export { AppendConflict, BelowRetention } from '../core/append-errors.ts'
export type { Expected, LogStream } from '../core/append-errors.ts'
export type {
  Appended,
  AppendedEvent,
  Attributes,
  LoggedEvent,
  NewEvent,
  StreamAppend,
} from '../core/logged-event.ts'
export type {
  AppendLimits,
  EventLog,
  LogAppender,
  LogBounds,
  LogFilter,
  LogPage,
  LogRead,
  LogSubscription,
  LogTrim,
  LogTrimmed,
  StreamRead,
  TransactionalEventLog,
} from '../ports/event-log.ts'
export type {
  AssignRequest,
  BurnedNumbers,
  NumberRange,
  SequenceStore,
  StoredReservation,
  TransactionalSequenceStore,
} from '../ports/sequence-store.ts'
export { fromCloudEvent, fromCloudEventBatch, toCloudEvent } from './cloud-event.ts'
export type { CloudEventJson, CloudEventSubject, FromCloudEvent } from './cloud-event.ts'
export { logBaseline } from './log-healer.ts'
export type { LogBaseline } from './log-healer.ts'
export { logHealer } from './log-healer.ts'
export { logSource } from './log-source.ts'
export type { LogDelivery, LogSourceOptions } from './log-source.ts'
export { numbered } from './numbered.ts'
export type { NumberedDelivery, NumberedOptions } from './numbered.ts'
export type { SendOptions, Sink, SinkMessage } from '../ports/sink.ts'
export { createRelay, defineRelay } from './relay.ts'
export type { Relay, RelayRunOptions } from './relay.ts'
export type { RelayForm } from './relay/relay-message.ts'
export type { RelayLag, RelayListener, RelayNews, RelayTelemetry } from '../ports/relay-news.ts'
export type { RelayOptions, RelayStore } from './relay/relay-parts.ts'
export { sequencer } from './sequencer.ts'
export type { Reservation, Sequencer, SequencerOptions } from './sequencer.ts'
export type { LeasedWorker, LeasedWorkerOptions } from './snowflake/leased-worker.ts'
export { leasedWorker } from './snowflake/leased-worker.ts'
export type { Snowflake, SnowflakeOptions } from './snowflake/snowflake.ts'
export { snowflake } from './snowflake/snowflake.ts'
export type {
  SnowflakeFormat,
  SnowflakeFormatOptions,
  SnowflakeId,
  SnowflakeLayout,
  SnowflakeParts,
} from './snowflake/snowflake-format.ts'
export { snowflakeFormat } from './snowflake/snowflake-format.ts'

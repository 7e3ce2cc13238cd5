// What a store offers whose commits run commands for handlers: each is recorded while its handler runs, and
// carried out inside the commit, before the position moves. Such a store has no rollback: what it does when a
// command fails is told here, once. Upholds I2.
import type { Position } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'

/** One part of a command, as the store takes it. */
export type CommandArgument = string | Uint8Array

/** A command: its name, its key, and what follows. */
export type RecordedCommand = readonly [name: string, key: string, ...rest: CommandArgument[]]

/** What one call of a handler is to do inside the commit. */
export interface Recorded {
  readonly commands: readonly RecordedCommand[]
  /** How much it is to send: the bytes of all arguments, and 16 more for each. */
  readonly bytes: number
}

/** A recording that goes on for as long as a handler runs. */
export interface Recording<Commands = unknown> {
  /** What the handler records with. */
  readonly commands: Commands
  /** Ends the recording, and gives what was recorded; whoever records after that is refused. */
  end(): Recorded
}

/** The commands of one call of a handler, for a commit. */
export interface EffectStep {
  /** The events of the call, in order; the commands belong to the first. */
  readonly events: readonly Position[]
  readonly commands: readonly RecordedCommand[]
}

/**
 * A command failed inside a commit. Its stream's state, held events and records were not written; everything
 * of the steps before the failing one had its effect, and so had the first commands of the failing step. The
 * place is that of the failing step's first event.
 */
export interface EffectPartial extends Position {
  /** The events of the steps before, as `epoch/sequence`. */
  readonly done: readonly string[]
  /** How many commands of the failing step had their effect. */
  readonly ran: number
  /** The commands of the failing step: the name, and what the user calls the key. */
  readonly commands: readonly string[]
  /** What the store said to the one that failed. */
  readonly error: string
}

/** What a unit of work offers beside the port, where its store runs commands in its commits. */
export interface CommitCommands<Commands = unknown> {
  /**
   * What failed in commits of the unit's streams, as the store keeps it durably since, until a commit
   * settles it (`settlesPartial`). While a stream has an entry, nobody may give commands for it with a change
   * of its state.
   */
  readonly partials: ReadonlyMap<StreamPath, EffectPartial>
  /** Begins a recording for a stream that was won. */
  record(stream: StreamPath): Recording<Commands>
}

/** Commands that are named, of those that ran and of those that did not. */
const namedMax = 10

/** What failed, what ran before it and what did not run after it, in words. */
export function partialText({ commands, ran, error }: EffectPartial): string {
  const [before, culprit, behind] = [commands.slice(0, ran), commands[ran] ?? '?', commands.slice(ran + 1)]
  const did = before.length === 0 ? '' : `; done before it: ${named(before)}`
  const rest = behind.length === 0 ? '' : `; not done: ${named(behind)}`
  return `${culprit} failed in the commit (${error.slice(0, 100)})${did}${rest}`
}

function named(commands: readonly string[]): string {
  const more = commands.length - namedMax
  return [...commands.slice(0, namedMax), ...(more > 0 ? [`${more} more`] : [])].join(', ')
}

// The flags that every operator command has: who, why, what the stream's position is believed to be, and how
// long to wait for a stream that a worker has.
import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { durationMs } from '../core/duration.ts'
import type { Operator, OperatorOptions } from '../operate/operator-options.ts'
import { checkOperator } from '../operate/operator-options.ts'

/** The values of the flags. */
export interface OperatorFlags {
  readonly by?: string
  readonly reason?: string
  readonly expectPosition?: string
  readonly wait?: string
}

/** The command with the flags that say who acts, and why. */
export function addOperatorFlags(command: Command): Command {
  return command
    .option('--by <name>', 'who does it (default: the name of the user)')
    .option('--reason <text>', 'why; the ledger keeps it (required)')
}

/** The command with the flags of an action on one stream. */
export function addStreamOperatorFlags(command: Command): Command {
  return addWaitFlag(
    addOperatorFlags(command).option(
      '--expect-position <n|unknown>',
      'refuse if the stream stands elsewhere by now; <epoch>/<n> names the epoch too',
    ),
  )
}

/** The command with the flag that says how long to wait. */
export function addWaitFlag(command: Command): Command {
  const description = 'how long to try while a worker has the stream (default: 10s)'
  return command.option('--wait <duration>', description)
}

/**
 * Who acts, and why.
 *
 * @throws InturnError `usage` without a reason
 */
export function operatorOf({ by, reason }: OperatorFlags): Operator {
  const operator = { by: by ?? userName(), reason: reason ?? '' }
  checkOperator(operator)
  return operator
}

/**
 * What an action on a stream takes.
 *
 * @throws InturnError `usage` without a reason
 */
export function operatorOptions(flags: OperatorFlags): OperatorOptions {
  const { expectPosition, wait } = flags
  return {
    ...operatorOf(flags),
    ...(expectPosition !== undefined && { expectPosition }),
    ...(wait !== undefined && { waitMs: durationMs(wait, '--wait') }),
  }
}

/** The name of the user as the system has it; empty where it has none. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return process.env['USER'] ?? ''
  }
}

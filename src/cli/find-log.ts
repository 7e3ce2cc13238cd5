// The flags by which `append` and `read` find an event log: its URL, or a configuration that exports it as
// `log`.
import type { Command } from 'commander'
import { InturnError } from '../core/errors.ts'
import { fieldOf } from '../core/thrown.ts'
import type { EventLog } from '../ports/event-log.ts'
import { exportedAs, findConfig } from './load-config.ts'
import { openLogUrl, storeUrlForms } from './open-store-url.ts'

/** The values of the flags. */
export interface FindLogFlags {
  readonly log?: string
  readonly config?: string
}

/** The command with the flags that find a log. */
export function addFindLogFlags(command: Command): Command {
  return command
    .option('--log <url>', `the event log: ${storeUrlForms}`)
    .option('--config <file>', 'a module that exports the log as `log` (default: inturn.config.ts)')
}

/**
 * Runs with the log that the flags name, and closes it.
 *
 * @param mustExist - a log in a file that does not exist is an error, and not made
 */
export async function withLog<Result>(
  flags: FindLogFlags,
  mustExist: boolean,
  run: (log: EventLog) => Promise<Result>,
): Promise<Result> {
  const log =
    flags.log === undefined ? await exportedLog(flags.config) : await openLogUrl(flags.log, mustExist)
  try {
    return await run(log)
  } finally {
    await log.close()
  }
}

async function exportedLog(named: string | undefined): Promise<EventLog> {
  const file = named ?? findConfig()
  if (file === undefined) {
    throw new InturnError('usage', `name the log with --log (${storeUrlForms}), or a module that exports it`)
  }
  const log = await exportedAs(file, 'log')
  if (isLog(log)) return log
  const message = `${file} exports no event log: export const log = sqliteEventLog('...'), or use --log`
  throw new InturnError('config-invalid', message)
}

function isLog(value: unknown): value is EventLog {
  return ['appendAll', 'readAll', 'close'].every((name) => typeof fieldOf(value, name) === 'function')
}

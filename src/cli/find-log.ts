// The flags by which `append` and `read` find an event log: its URL, or a configuration that exports it as
// `log`.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { InturnError } from '../core/errors.ts'
import type { EventLog } from '../ports/event-log.ts'
import { importModule } from './import-module.ts'
import { findConfig } from './load-config.ts'
import { isPostgresUrl, postgresTargetOf, redisTargetOf, sqliteFileOf } from './open-store-url.ts'

/** What the URL of a log may look like, for people. */
const logUrlForms = 'sqlite:<file>, the path of a .db file, postgres://<host>/<database> or redis://<host>'

/** The values of the flags. */
export interface FindLogFlags {
  readonly log?: string
  readonly config?: string
}

/** The command with the flags that find a log. */
export function addFindLogFlags(command: Command): Command {
  return command
    .option('--log <url>', `the event log: ${logUrlForms}`)
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

async function openLogUrl(url: string, mustExist: boolean): Promise<EventLog> {
  if (/^rediss?:/.test(url)) {
    const { target, options } = redisTargetOf(url, '--log')
    const { redisEventLog } = await import('../stores/redis.ts')
    return redisEventLog(target, options)
  }
  if (isPostgresUrl(url)) {
    const { target, options } = postgresTargetOf(url, '--log')
    const { postgresEventLog } = await import('../stores/postgres.ts')
    return postgresEventLog(target, options)
  }
  const file = sqliteFileOf(url)
  if (file === undefined) {
    throw new InturnError('usage', `--log takes ${logUrlForms}, not ${url}`)
  }
  if (mustExist && !existsSync(file)) {
    throw new InturnError('input-unreadable', `the database ${file} does not exist`)
  }
  const { sqliteEventLog } = await import('../stores/sqlite.ts')
  return sqliteEventLog(file)
}

async function exportedLog(named: string | undefined): Promise<EventLog> {
  const file = named ?? findConfig()
  if (file === undefined) {
    throw new InturnError('usage', `name the log with --log (${logUrlForms}), or a module that exports it`)
  }
  const log = await exportedAs(file, 'log')
  if (isLog(log)) return log
  const message = `${file} exports no event log: export const log = sqliteEventLog('...'), or use --log`
  throw new InturnError('config-invalid', message)
}

/** What a module exports under a name, or as a field of its default export; `undefined`: nothing. */
export async function exportedAs(file: string, name: string): Promise<unknown> {
  if (!existsSync(file)) throw new InturnError('input-unreadable', `the configuration ${file} does not exist`)
  const module = await importModule(resolve(file), file)
  return fieldOf(module, name) ?? fieldOf(fieldOf(module, 'default'), name)
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

function isLog(value: unknown): value is EventLog {
  if (typeof value !== 'object' || value === null) return false
  return ['appendAll', 'readAll', 'close'].every((name) => typeof Reflect.get(value, name) === 'function')
}

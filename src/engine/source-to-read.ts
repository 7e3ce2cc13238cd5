// Which source a worker reads: its own, or where it rebuilds, one that still has the past.
import { InturnError } from '../core/errors.ts'
import type { Source, SourceWindow } from '../ports/source.ts'

/** Where the past of a configuration may be read. */
export interface PastOptions {
  readonly source?: Source
  readonly history?: Source
}

/**
 * Where the past is read: the history, or what the source itself has of its own.
 *
 * @param window - only this part of it
 * @returns `undefined` where nobody has one
 * @throws InturnError `config-invalid` for a window that is none, `usage` where only all of it can be read
 */
export function pastOf({ source, history }: PastOptions, window: SourceWindow = {}): Source | undefined {
  const isWhole = window.since === undefined && window.until === undefined
  if (isWhole) return history ?? source?.past?.(window)
  const read = history ?? source
  if (read?.past !== undefined) return read.past(window)
  const message = `${read?.name ?? 'no history'} can be read as a whole only: leave out --since and --until`
  throw new InturnError('usage', message)
}

/**
 * The source that a worker reads: where it rebuilds, one that still has the past.
 *
 * @throws InturnError `history-unavailable` when it rebuilds, and all there is has forgotten the past
 */
export function sourceToRead(
  options: PastOptions & { readonly source: Source; readonly replay?: 'rebuild' },
): Source {
  const { replay, source } = options
  if (replay === undefined) return source
  const past = pastOf(options)
  if (past !== undefined) return past
  const isOfGroup = source.isOfGroup === true
  if (source.kind === 'log' && !isOfGroup) return source
  const why = isOfGroup ? 'goes on where its group is' : 'is a queue, which forgets what was settled'
  const message = `${source.name} ${why}: name its past as history`
  throw new InturnError('history-unavailable', message)
}

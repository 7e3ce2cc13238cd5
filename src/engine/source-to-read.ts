// Which source a worker reads: its own, or where it rebuilds, one that still has the past.
import { InturnError } from '../core/errors.ts'
import type { Source } from '../ports/source.ts'

/**
 * The source that a worker reads: the history, where it rebuilds and one is named.
 *
 * @throws InturnError `history-unavailable` when it rebuilds, and all there is has forgotten the past
 */
export function sourceToRead(options: {
  readonly source: Source
  readonly history?: Source
  readonly replay?: 'rebuild'
}): Source {
  const { replay, history, source } = options
  if (replay === undefined) return source
  if (history !== undefined) return history
  const isOfGroup = source.isOfGroup === true
  if (source.kind === 'log' && !isOfGroup) return source
  const why = isOfGroup ? 'goes on where its group is' : 'is a queue, which forgets what was settled'
  const message = `${source.name} ${why}: name its past as history`
  throw new InturnError('history-unavailable', message)
}

// How stores find streams by an index: by ranges of their paths, and by how they stand, which is kept beside
// their state.
import { streamPath } from '../core/stream-path.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { StreamChange } from '../ports/store.ts'

/** Above every path: paths are ASCII. */
const behindAllPaths = '\u007f'

/** Paths from `first` to before `end`. */
export interface PathRange {
  readonly first: string
  readonly end: string
}

/**
 * The range of paths that a query is about. Empty where it asks for a stream and for a domain that is not the
 * stream's.
 */
export function pathsOf(query: { readonly stream?: StreamPath; readonly domain?: string }): PathRange {
  const { stream, domain } = query
  const first = domain === undefined ? '' : streamPath(domain, '')
  if (stream?.startsWith(first) === false) return { first: '', end: '' }
  if (stream !== undefined) return { first: stream, end: `${stream}\u0001` }
  return { first, end: domain === undefined ? behindAllPaths : `${first.slice(0, -1)}0` }
}

/** 0 nothing, 1 waits, 2 its head failed, 3 halted. */
export type Standing = 0 | 1 | 2 | 3

/** How a change leaves its stream. */
export function standingOf({ state, hold }: Pick<StreamChange, 'state' | 'hold'>): Standing {
  if (state.halt !== undefined) return 3
  if (state.failing !== undefined) return 2
  return state.heldCount > 0 || hold.length > 0 || state.restart !== undefined ? 1 : 0
}

// Which paths a query is about, for stores that find streams by an index of their paths.
import { streamPath } from '../core/stream-path.ts'
import type { StreamPath } from '../core/stream-path.ts'

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

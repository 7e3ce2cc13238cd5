// Finds the stream that somebody named: as a path, or as they would write it without percent-encoding. Where
// there is none, streams with a name like it.
import type { StreamPath } from '../core/stream-path.ts'
import { parseStreamPath, streamPath } from '../core/stream-path.ts'
import type { StoredStream } from '../ports/store-reader.ts'
import type { ConsumerView } from './paging.ts'
import { eachStream } from './paging.ts'

/** What a search came to. */
export type FoundStream =
  | { readonly kind: 'found'; readonly stored: StoredStream }
  /** `path`: what the store would call it; `near`: streams with a similar name, the most similar first. */
  | { readonly kind: 'unknown'; readonly path: StreamPath; readonly near: readonly StreamPath[] }

const searchedMax = 20_000
const nearMax = 5

/** Finds a stream by `<domain>/<stream>`, percent-encoded or not. */
export async function findStream(view: ConsumerView, name: string): Promise<FoundStream> {
  const candidates = pathsOf(name)
  for (const path of candidates) {
    const stored = await view.reader.stream(view.consumer, path)
    if (stored !== undefined) return { kind: 'found', stored }
  }
  return { kind: 'unknown', path: candidates[0] ?? name, near: await nearStreams(view, name) }
}

/** The paths that a name may stand for, the most likely first. */
export function pathsOf(name: string): readonly StreamPath[] {
  const parsed = parseStreamPath(name)
  const cut = name.indexOf('/')
  const asPath = parsed === undefined ? [] : [streamPath(parsed.domain, parsed.stream)]
  const asWritten = cut === -1 ? [] : [streamPath(name.slice(0, cut), name.slice(cut + 1))]
  return [...new Set([...asPath, ...asWritten])]
}

async function nearStreams(view: ConsumerView, name: string): Promise<readonly StreamPath[]> {
  const wanted = name.toLowerCase()
  const near: { readonly path: StreamPath; readonly distance: number }[] = []
  let searched = 0
  for await (const { stream: path } of eachStream(view)) {
    if (++searched > searchedMax) break
    const distance = distanceOf(wanted, path)
    if (distance <= 2) near.push({ path, distance })
  }
  return near
    .sort((a, b) => a.distance - b.distance || (a.path < b.path ? -1 : 1))
    .slice(0, nearMax)
    .map(({ path }) => path)
}

/** How unlike a name and a path are: 0 for the bare stream key, up to 2 for what is still similar. */
function distanceOf(wanted: string, path: StreamPath): number {
  const known = path.toLowerCase()
  const key = parseStreamPath(known)?.stream ?? known
  if (wanted === key || wanted === known) return 0
  if (wanted.length > 2 && known.includes(wanted)) return 1
  const distance = editDistance(wanted, known, 2)
  return distance < key.length ? distance : Infinity
}

/**
 * How many letters have to be changed, added or removed to make one word of another (Levenshtein); anything
 * above `most` is told as `most + 1`.
 */
export function editDistance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      const [diagonal = 0, above = 0, left = 0] = [row[j - 1], row[j], next[j - 1]]
      next.push(Math.min(diagonal + (isSame ? 0 : 1), above + 1, left + 1))
    }
    if (Math.min(...next) > most) return most + 1
    row = next
  }
  return Math.min(row[b.length] ?? 0, most + 1)
}

// The stream that a command is about: looked up in the store, with the streams of a similar name where there
// is none.
import type { StreamPath } from '../core/stream-path.ts'
import { findStream, pathsOf } from '../operate/find-stream.ts'
import type { ConsumerView } from '../operate/paging.ts'
import type { StoredStream } from '../ports/store-reader.ts'
import { say } from './say.ts'

/** What the argument of a stream looks like, for help texts. */
export const streamArgument = 'the stream as <domain>/<stream>, each percent-encoded (%2F is a slash)'

/** Claims that are looked at. */
const claimsMax = 10_000

/** The stream, or `undefined` once it was said that there is none; the exit code is 1 then. */
export async function findNamedStream(view: ConsumerView, name: string): Promise<StoredStream | undefined> {
  const found = await findStream(view, name)
  if (found.kind === 'found') return found.stored
  const near = found.near.length === 0 ? '' : `; did you mean ${found.near.join(', ')}?`
  const more = (await beginningWords(view, name)) ?? near
  say(`consumer ${view.consumer} knows no stream ${name}${more}`)
  process.exitCode = 1
  return undefined
}

/** What is known of a stream of which nothing was committed yet. */
async function beginningWords(view: ConsumerView, name: string): Promise<string | undefined> {
  const paths = pathsOf(name)
  const claims = await view.reader.claims(view.consumer, { limit: claimsMax })
  const claim = claims.find(({ stream }) => paths.includes(stream))
  if (claim === undefined) return undefined
  const since = new Date(claim.since).toISOString()
  return ` yet: worker ${claim.worker} has its first events in hand, since ${since}`
}

/** The path to list records of: the stream's own, or the most likely one where no such stream is known. */
export async function pathOfNamed(view: ConsumerView, name: string): Promise<StreamPath> {
  const found = await findStream(view, name)
  return found.kind === 'found' ? found.stored.stream : (pathsOf(name)[0] ?? name)
}

// The stream that a command is about: looked up in the store, with the streams of a similar name where there
// is none.
import type { StreamPath } from '../core/stream-path.ts'
import { findStream, pathsOf } from '../operate/find-stream.ts'
import type { ConsumerView } from '../operate/paging.ts'
import type { StoredStream } from '../ports/store-reader.ts'
import { printable } from './printable.ts'

/** What the argument of a stream looks like, for help texts. */
export const streamArgument = 'the stream as <domain>/<stream>, each percent-encoded (%2F is a slash)'

/** The stream, or `undefined` once it was said that there is none; the exit code is 1 then. */
export async function findNamedStream(view: ConsumerView, name: string): Promise<StoredStream | undefined> {
  const found = await findStream(view, name)
  if (found.kind === 'found') return found.stored
  const near = found.near.length === 0 ? '' : `; did you mean ${found.near.join(', ')}?`
  console.error(`inturn: consumer ${view.consumer} knows no stream ${printable(name)}${near}`)
  process.exitCode = 1
  return undefined
}

/** The path to list records of: the stream's own, or the most likely one where no such stream is known. */
export async function pathOfNamed(view: ConsumerView, name: string): Promise<StreamPath> {
  const found = await findStream(view, name)
  return found.kind === 'found' ? found.stored.stream : (pathsOf(name)[0] ?? name)
}

// By what the index of ids knows an event: 8 bytes of a digest, the same that scripts make when they forget
// it. Two events may share one, so whoever finds it looks at the event itself.
import { hash } from 'node:crypto'
import type { StreamPath } from '../../../core/stream-path.ts'

/** The digest of an id in a stream. */
export function idDigest(path: StreamPath, id: string): Buffer {
  return hash('sha1', `${path}\0${id}`, 'buffer').subarray(0, 8)
}

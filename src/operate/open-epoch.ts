// An operator opens the next epoch of a stream, because its producer counts again without saying so: what was
// made since is of that epoch, though its producer writes the old one.
import { openNextRun } from '../core/operating/open-next-run.ts'
import type { StreamOperation, StreamRequest } from './change-stream.ts'
import { changeStream } from './change-stream.ts'
import type { OperatorTarget } from './operator-options.ts'

/** Which stream, and since when its producer counts again. */
export interface OpenEpochRequest extends StreamRequest {
  /** Milliseconds since 1970, as event times say it. Default: what the signs of the stream say. */
  readonly since?: number
}

/**
 * Opens the next epoch of a stream. Errors as {@link changeStream}: `operation-refused` where nothing tells
 * the events of the producer's runs apart.
 */
export async function openEpoch(target: OperatorTarget, request: OpenEpochRequest): Promise<StreamOperation> {
  return changeStream(target, request, {
    command: 'seek',
    kind: 'epoch-opened',
    decide: ({ state }) => ({ operated: openNextRun(state, request.since) }),
  })
}

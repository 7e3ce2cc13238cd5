import type { DeadLetter } from '../../../src/ports/records.ts'
// Streams of which everything adds up, with something of each kind that can be taken away.
import type { StreamGiven } from '../operate/stored-stream.ts'
import { entry, gappedState, letter, stateOf } from '../operate/stored-stream.ts'

/** The dead letter of an event that failed. */
export const failedLetter: DeadLetter = letter('lossy', { reason: 'failed', sequence: 3 })
const staleLetter = letter('full', { reason: 'stale', sequence: 9 })

/** Three streams. */
export const balancedStreams: readonly StreamGiven[] = [
  { stream: 'gap', state: gappedState(3, [[5, 6]]), held: [5, 6] },
  {
    stream: 'lossy',
    state: stateOf({
      position: 4,
      baseline: 1,
      lost: [{ from: 2, to: 2 }],
      counts: { delivered: 2, lost: 1, removed: 1 },
    }),
    ledger: [
      entry('lossy', { kind: 'lost', from: 2, to: 2 }),
      entry('lossy', { kind: 'removed', from: 3, to: 3 }),
    ],
    deadLetters: [failedLetter],
  },
  { stream: 'full', state: gappedState(1, []), inbox: [9, 10], deadLetters: [staleLetter] },
]

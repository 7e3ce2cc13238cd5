// The verdicts: what the rules say about one event. The names are a contract; docs/verdicts.md explains each.

/** What the rules say about one event, in the order in which they are checked. */
export const verdicts = [
  'invalid',
  'stale',
  'late',
  'conflict',
  'duplicate',
  'implausible',
  'refuse',
  'deliver',
  'hold',
] as const

/** One of {@link verdicts}. */
export type Verdict = (typeof verdicts)[number]

/** Why a verdict fell, where the verdict alone does not say it. A contract too: dead letters carry it. */
export type VerdictReason =
  | 'account-lost'
  | 'below-start'
  | 'epoch-over'
  | 'run-unknown'
  | 'other-id'
  | 'filled-number'
  | 'predecessor-taken'
  | 'null-previous-on-started-stream'
  | 'previous-not-below-sequence'
  | 'previous-missing'
  | 'at-or-above-modulus'
  | 'below-zero-with-modulus'
  | 'outside-counter'
  | 'fill-not-a-range'
  | 'fill-too-wide'
  | 'fill-needs-contiguous'
  | 'beyond-span-max'
  | 'epoch-beyond-span-max'
  | 'half-the-modulus'
  | 'beyond-safe-integer'
  | 'not-proven'
  | 'never-seen'
  | 'stream-full'
  | 'domain-full'
  | 'window-used-up'
  | 'ambiguous-number'
  | 'handed-over-full'
  | 'producer-restarted'
  | 'busy'
  | 'paused'
  | 'schema'

// The wait before another attempt, for handlers and healers alike. Upholds I7.

/**
 * The wait before the next attempt: doubled each time, up to the limit, with full jitter. Source: AWS, 2015.
 */
export function backoffMs(
  policy: { readonly backoffMs: number; readonly backoffMaxMs: number },
  attempt: number,
  random: number,
): number {
  const ceiling = Math.min(policy.backoffMaxMs, policy.backoffMs * 2 ** Math.min(attempt - 1, 40))
  return Math.ceil(ceiling * random)
}

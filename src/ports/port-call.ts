// A call of a port, and what may be put around it: the one seam on which faults, deaths and records of calls
// are built, for stores and sources alike.

/** Which call it is. */
export interface PortCall<Method extends string> {
  readonly method: Method
  /** Calls of this method so far, with this one: from 1. */
  readonly nth: number
}

/** Runs a call, or does something instead, before or after it. */
export type AroundCall<Method extends string> = <Result>(
  call: PortCall<Method>,
  run: () => Promise<Result>,
) => Promise<Result>

/** Counts the calls of each method, and puts `around` around each. */
export function countedCalls<Method extends string>(
  around: AroundCall<Method>,
): <Result>(method: Method, run: () => Promise<Result>) => Promise<Result> {
  const counts = new Map<Method, number>()
  return (method, run) => {
    const nth = (counts.get(method) ?? 0) + 1
    counts.set(method, nth)
    return around({ method, nth }, run)
  }
}

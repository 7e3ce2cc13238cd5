// Measures rates side by side: each contender runs several times in turn, so that a machine whose speed
// drifts treats all alike. The median of its runs is its rate; ratios are between medians of one session.

/** Work that was measured by itself, without what prepares it. */
export interface MeasuredWork {
  readonly events: number
  readonly ms: number
}

/** Something to measure. */
export interface Contender {
  readonly name: string
  /** Does the work once and returns how many events it was; a promise if it has to wait. */
  readonly run: () => number | Promise<number | MeasuredWork>
}

/** A contender's rate. */
export interface Rate {
  readonly name: string
  /** Events a second: the median of all runs. */
  readonly perSecond: number
}

/** Runs the contenders in turn, `rounds` times after one that is not counted. */
export async function measure(contenders: readonly Contender[], rounds = 3): Promise<readonly Rate[]> {
  const rates = new Map<string, number[]>(contenders.map(({ name }) => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const { name, run } of contenders) {
      const started = performance.now()
      const done = await run()
      const { events, ms } =
        typeof done === 'number' ? { events: done, ms: performance.now() - started } : done
      const perSecond = (events / ms) * 1_000
      if (round > 0) rates.get(name)?.push(perSecond)
    }
  }
  return [...rates].map(([name, all]) => ({ name, perSecond: median(all) }))
}

/** Prints rates under a title, each with its ratio to the first one, which is the limit or the peer. */
export function report(title: string, rates: readonly Rate[]): void {
  const [base] = rates
  console.log(title)
  for (const { name, perSecond } of rates) {
    const ratio = base === undefined ? 1 : perSecond / base.perSecond
    const rate = Math.round(perSecond).toLocaleString('en').padStart(12)
    console.log(`  ${name.padEnd(34)} ${rate}/s  x ${ratio.toFixed(2)}`)
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

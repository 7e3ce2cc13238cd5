// What is settled beyond the offset that a group has committed, as the text that is committed with it: a
// rebalance or a restart delivers less again. It is a help and no promise: a text that is missing, cut or
// somebody else's costs copies, never an event. Upholds I4.

/** Offsets that are settled, with all that lies between them. */
export interface OffsetRun {
  readonly first: number
  readonly last: number
}

/** Brokers take 4,096 bytes by default (`offset.metadata.max.bytes`), and refuse the commit beyond. */
const bytesMax = 3_072
const mark = 'inturn'

/**
 * The runs as a text of at most 3 KiB that belongs to the committed offset; of more runs the first ones.
 * `''`: there are none.
 */
export function settledText(committed: number, runs: Iterable<OffsetRun>): string {
  let text = ''
  let end = committed
  for (const { first, last } of runs) {
    const run = `${text === '' ? `${mark} ${committed} ` : ','}${first - end}+${last - first}`
    if (text.length + run.length > bytesMax) break
    text += run
    end = last
  }
  return text
}

/** The runs of such a text; none where it is another one, or belongs to another offset. */
export function settledRuns(committed: number, text: string | null): readonly OffsetRun[] {
  const [name, offset, list] = (text ?? '').split(' ')
  if (name !== mark || offset !== String(committed) || list === undefined) return []
  const runs: OffsetRun[] = []
  let end = committed
  for (const item of list.split(',')) {
    const [, gap, length] = /^(\d{1,16})\+(\d{1,16})$/.exec(item) ?? []
    if (gap === undefined || length === undefined) return []
    const first = end + Number(gap)
    end = first + Number(length)
    if (!Number.isSafeInteger(end)) return []
    runs.push({ first, last: end })
  }
  return runs
}

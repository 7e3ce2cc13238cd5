// Increasing numbering once more, as plainly as it can be written: the oracle for the fast rules.

export interface NaiveIncreasingEvent {
  readonly index: number
  readonly epoch: number
  readonly sequence: bigint
  readonly print: number
}

/** One increasing stream. Everything is in turn at once, so nothing is ever held. */
export class NaiveIncreasing {
  readonly memorySize: number
  epoch = 0
  position: bigint | undefined
  ended: { epoch: number; final: bigint }[] = []
  memory: NaiveIncreasingEvent[] = []
  outcome: string[] = []

  constructor(memorySize: number) {
    this.memorySize = memorySize
  }

  arrive(event: NaiveIncreasingEvent): void {
    const { index, epoch, sequence } = event
    this.outcome.push(`#${index} ${this.#verdict(event)} ${epoch}/${sequence}`)
  }

  #verdict(event: NaiveIncreasingEvent): string {
    const { epoch, sequence, print } = event
    if (
      this.position === undefined ||
      epoch > this.epoch ||
      (epoch === this.epoch && sequence > this.position)
    ) {
      if (this.position !== undefined && epoch > this.epoch) {
        this.ended = [...this.ended, { epoch: this.epoch, final: this.position }].slice(-8)
      }
      this.epoch = epoch
      this.position = sequence
      this.#remember(event)
      return 'deliver'
    }
    const ended = this.ended.find((one) => one.epoch === epoch)
    if (epoch < this.epoch && (ended === undefined || sequence > ended.final)) return 'stale(epoch-over)'
    const known = this.memory.find((one) => one.epoch === epoch && one.sequence === sequence)
    if (known !== undefined) return known.print === print ? 'duplicate' : 'conflict(other-id)'
    const isFull = this.memory.length === this.memorySize
    const isBelowAll = this.memory.every(
      (one) => epoch < one.epoch || (epoch === one.epoch && sequence < one.sequence),
    )
    if (isFull && isBelowAll) return 'duplicate(not-proven)'
    this.#remember(event)
    return 'late(never-seen)'
  }

  #remember(event: NaiveIncreasingEvent): void {
    this.memory.push(event)
    this.memory.sort((a, b) => a.epoch - b.epoch || (a.sequence < b.sequence ? -1 : 1))
    while (this.memory.length > this.memorySize) this.memory.shift()
  }
}

// Commits what is settled, beside reading: soon after something was settled, and at once when the group is
// about to give partitions to others. A commit that fails costs copies and no event; the next one says all
// that it would have said. Upholds I4.
import { InturnError } from '../../core/errors.ts'
import { errorMessage } from '../../core/thrown.ts'
import { systemTimers } from '../../ports/timers.ts'
import type { Troubles } from '../../ports/troubles.ts'
import type { CommittedOffset, Partition, PartitionName } from './partition.ts'

/** What a keeper is made of. */
export interface OffsetKeeperParts {
  /** A commit follows a settlement within so many milliseconds. */
  readonly everyMs: number
  /** `false`: the group takes none now. */
  readonly commit: (commits: readonly (PartitionName & CommittedOffset)[]) => Promise<boolean>
  readonly partitions: ReadonlyMap<string, Partition>
  readonly troubles: Troubles<string>
}

/** How many commits fail in a row before that is told. */
const toldFrom = 10
const [lastTries, lastTryMs] = [5, 100]

/** Keeps the offsets of one source. */
export class OffsetKeeper {
  readonly #parts: OffsetKeeperParts
  #cancel: (() => void) | undefined
  /** Commits follow one another, so that none takes back what a later one has said. */
  #last: Promise<void> = Promise.resolve()
  #isClosed = false
  /** The group took no commit when it was last asked. */
  #isRefused = false
  /** How many commits have failed since one did not, and what the last one failed with. */
  #failures = 0
  #problem: string | undefined

  constructor(parts: OffsetKeeperParts) {
    this.#parts = parts
  }

  /** Why what is settled is not committed. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** Something may have been settled. */
  commitSoon(): void {
    if (this.#isClosed) return
    this.#cancel ??= systemTimers.after(this.#parts.everyMs, () => {
      this.#cancel = undefined
      this.#last = this.#last.then(() => this.#commit())
    })
  }

  /** Resolves once all that is settled now was committed, or could not be. */
  async commitNow(): Promise<void> {
    this.#last = this.#last.then(() => this.#commit())
    await this.#last
  }

  /** Commits for the last time; a few times, since a group takes nothing for a moment when it rebalances. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancel?.()
    for (let left = lastTries; left > 0; left--) {
      await this.commitNow()
      if (!this.#isRefused) return
      await systemTimers.sleep(lastTryMs, new AbortController().signal)
    }
  }

  /** Never fails. */
  async #commit(): Promise<void> {
    this.#isRefused = false
    const due = [...this.#parts.partitions.values()].flatMap((partition) => {
      const { toCommit } = partition
      return toCommit === undefined ? [] : [{ partition, toCommit }]
    })
    if (due.length === 0) return
    const commits = due.map(({ partition: { topic, partition }, toCommit }) => ({
      topic,
      partition,
      ...toCommit,
    }))
    try {
      if (await this.#parts.commit(commits)) {
        for (const { partition, toCommit } of due) partition.hasCommitted(toCommit)
      } else {
        this.#isRefused = true
        this.commitSoon()
      }
      this.#failures = 0
      this.#problem = undefined
      this.#parts.troubles.over('commits', 'offsets are committed again')
    } catch (error) {
      this.#problem = `offsets cannot be committed: ${errorMessage(error)}`
      // Whoever reads is told when brokers cannot be reached.
      const isOld = ++this.#failures >= toldFrom || !(error instanceof InturnError && error.retryable)
      if (isOld) this.#parts.troubles.has('commits', this.#problem, this.#problem)
      this.commitSoon()
    }
  }
}

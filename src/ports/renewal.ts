// Keeps a unit's claims alive: renewed at a third of their time by one timer, and given up for lost when
// the store says so or could not be reached for as long as a claim lasts. Upholds I5: a worker that cannot
// renew is told.
import type { Timers } from './timers.ts'

/** What to renew. */
export interface Renewal {
  readonly timers: Timers
  readonly claimMs: number
  /** Renews every claim; `false` when one of them is lost. */
  readonly renew: () => Promise<boolean>
  /** Called once, when a claim is lost. */
  readonly lost: () => void
}

/** Renews claims until the returned function is called. */
export function keepRenewed({ timers, claimMs, renew, lost }: Renewal): () => void {
  let renewedAt = timers.elapsedMs()
  let isEnded = false
  let cancel: () => void
  const end = (): void => {
    isEnded = true
    cancel()
  }
  const giveUp = (): void => {
    end()
    lost()
  }
  const settle = (isHeld: boolean | undefined, askedAt: number): void => {
    if (isEnded) return
    if (isHeld === true) renewedAt = askedAt
    if (isHeld === false || timers.elapsedMs() - renewedAt >= claimMs) giveUp()
    else cancel = timers.after(claimMs / 3, turn)
  }
  const turn = (): void => {
    const askedAt = timers.elapsedMs()
    renew().then(
      (isHeld) => settle(isHeld, askedAt),
      () => settle(undefined, askedAt),
    )
  }
  cancel = timers.after(claimMs / 3, turn)
  return end
}

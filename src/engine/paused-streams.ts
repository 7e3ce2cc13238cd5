// Streams that were decided while their domain was paused. Resuming wakes what waits by then; what is
// committed just after it was decided by a domain that was still paused, and nobody else knows of it. Upholds
// I8: such a stream is looked at with the next sweep, and not a minute later.
import type { StreamPath } from '../core/stream-path.ts'
import type { TrackedDomain } from './domain.ts'
import type { EngineParts } from './engine-parts.ts'
import type { TurnSetup } from './turn.ts'

/** The streams of paused domains that were decided since it was asked last whether these go on. */
export class PausedStreams {
  readonly #paused = new Map<TrackedDomain, Set<StreamPath>>()
  /** Their domains go on. */
  readonly #resumed = new Set<StreamPath>()

  /** Whether a domain was paused when a stream of it was decided last. */
  has(domain: TrackedDomain): boolean {
    return this.#paused.has(domain)
  }

  /** Takes in what a turn has found, once it is durable. */
  note({ domain, path, isPaused }: Pick<TurnSetup, 'domain' | 'path' | 'isPaused'>): void {
    if (isPaused) this.#of(domain).add(path)
    else if (this.#paused.size > 0) this.#resume(domain)
  }

  /** Streams that should be looked at because their domains go on. */
  async takeResumed({
    store,
    consumer,
  }: Pick<EngineParts, 'store' | 'consumer'>): Promise<readonly StreamPath[]> {
    const noted = [...this.#paused]
    if (noted.length > 0) {
      // Whoever resumes after this question finds what is durable before it, but not what follows.
      for (const [domain] of noted) this.#paused.set(domain, new Set())
      const domains = await store.reader.domains(consumer)
      for (const [domain, paths] of noted) {
        if (domains.get(domain.name)?.paused === true) continue
        for (const path of paths) this.#resumed.add(path)
        this.#resume(domain)
      }
    }
    const resumed = [...this.#resumed]
    this.#resumed.clear()
    return resumed
  }

  #of(domain: TrackedDomain): Set<StreamPath> {
    const paths = this.#paused.get(domain) ?? new Set()
    this.#paused.set(domain, paths)
    return paths
  }

  #resume(domain: TrackedDomain): void {
    for (const path of this.#paused.get(domain) ?? []) this.#resumed.add(path)
    this.#paused.delete(domain)
  }
}

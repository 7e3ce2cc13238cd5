// Whether a stream of a consumer waits for something in particular. It is asked again and again, so the one
// that was found last is looked at first, and the search goes on behind it: many streams that wait cost a
// search through all of them now and then, and not each time. Upholds I6.
import type { StreamPath } from '../core/stream-path.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import type { StoredStream } from '../ports/store-reader.ts'
import type { Domain } from './domain.ts'
import type { EngineParts } from './engine-parts.ts'

const pageMax = 500

/** Looks for streams that wait for one thing. */
export class WaitingSearch {
  readonly #parts: Pick<EngineParts, 'store' | 'consumer' | 'domains'>
  readonly #waits: (stored: StoredStream, domain: Domain, now: number) => boolean
  /** The stream that was found last; empty: none. */
  #found: StreamPath = ''

  /** @param waits - whether a stream does, by the store's clock */
  constructor(
    parts: Pick<EngineParts, 'store' | 'consumer' | 'domains'>,
    waits: (stored: StoredStream, domain: Domain, now: number) => boolean,
  ) {
    this.#parts = parts
    this.#waits = waits
  }

  /** Whether there is one among the streams of the configured domains. */
  async find(): Promise<boolean> {
    const { store, consumer } = this.#parts
    const now = await store.now()
    const last = this.#found
    const known = last === '' ? undefined : await store.reader.stream(consumer, last)
    if (known !== undefined && this.#fits(known, now)) return true
    const next = await this.#findBehind(last, now)
    this.#found = next ?? (last === '' ? '' : ((await this.#findBehind('', now)) ?? ''))
    return this.#found !== ''
  }

  async #findBehind(from: StreamPath, now: number): Promise<StreamPath | undefined> {
    const { store, consumer } = this.#parts
    for (let after: StreamPath | undefined = from; after !== undefined;) {
      const query = { onlyWaiting: true, limit: pageMax, after }
      const page: readonly StoredStream[] = await store.reader.streams(consumer, query)
      const found = page.find((stored) => this.#fits(stored, now))
      if (found !== undefined) return found.stream
      after = page.length < pageMax ? undefined : page.at(-1)?.stream
    }
    return undefined
  }

  #fits(stored: StoredStream, now: number): boolean {
    const domain = this.#parts.domains.byName.get(parseStreamPath(stored.stream)?.domain ?? '')
    return domain !== undefined && this.#waits(stored, domain, now)
  }
}

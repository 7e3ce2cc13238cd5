// Tells the failures of a source from those of the worker's store by where they come from: a source that
// reads a store of its own (an event log) fails with the same codes. Upholds I10: the worker says which one
// failed.
import type { Checkpoint, Delivery, Source } from '../ports/source.ts'

/** The failures of one source. */
export class SourceFailures {
  readonly #ofSource = new WeakSet<object>()
  readonly #ofStore = new WeakSet<object>()

  /** Whether the source has thrown this error, and not the store through it. */
  has(error: object): boolean {
    return this.#ofSource.has(error) && !this.#ofStore.has(error)
  }

  /** The source, with its failures noted. */
  of<Message extends Delivery>(source: Source<Message>): Source<Message> {
    const from = this.#ofSource
    return {
      name: source.name,
      kind: source.kind,
      open: (checkpoint) => noted(from, () => source.open(this.#checkpoint(checkpoint))),
      read: (request) => noted(from, () => source.read(request)),
      settle: (deliveries) => noted(from, () => source.settle(deliveries)),
      release: (deliveries, delayMs) => noted(from, () => source.release(deliveries, delayMs)),
      isCaughtUp: () => noted(from, () => source.isCaughtUp()),
      ...(source.parts !== undefined && { parts: () => source.parts?.() ?? Promise.resolve([]) }),
      close: () => noted(from, () => source.close()),
    }
  }

  #checkpoint(checkpoint: Checkpoint): Checkpoint {
    const from = this.#ofStore
    const lease = checkpoint.lease?.bind(checkpoint)
    return {
      load: (part) => noted(from, () => checkpoint.load(part)),
      save: (value, part) => noted(from, () => checkpoint.save(value, part)),
      ...(lease !== undefined && { lease: (part: string, ms: number) => noted(from, () => lease(part, ms)) }),
    }
  }
}

async function noted<Result>(failures: WeakSet<object>, call: () => Promise<Result>): Promise<Result> {
  try {
    return await call()
  } catch (error) {
    if (typeof error === 'object' && error !== null) failures.add(error)
    throw error
  }
}

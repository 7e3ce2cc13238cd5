// A source while a test uses it: opened, read until something is there, and closed at the end.
import type { Delivery, Source } from '../../src/ports/source.ts'

/** A source that is open. */
export interface OpenSource<Message extends Delivery> extends AsyncDisposable {
  readonly source: Source<Message>
  /** Reads until so many have come. */
  take(count: number): Promise<Message[]>
  /** Reads until the source is caught up, and a read brings nothing. */
  takeAll(): Promise<Message[]>
}

/** Opens a source that keeps no checkpoint. */
export async function openSource<Message extends Delivery>(
  source: Source<Message>,
): Promise<OpenSource<Message>> {
  await source.open({ load: () => Promise.resolve(undefined), save: () => Promise.resolve() })
  const read = (max: number): Promise<readonly Message[]> =>
    source.read({ max, waitMs: 50, signal: new AbortController().signal })
  return {
    source,
    take: async (count) => {
      const taken: Message[] = []
      while (taken.length < count) taken.push(...(await read(count - taken.length)))
      return taken
    },
    takeAll: async () => {
      const taken: Message[] = []
      for (;;) {
        const some = await read(100)
        taken.push(...some)
        if (some.length === 0 && (await source.isCaughtUp())) return taken
      }
    },
    [Symbol.asyncDispose]: () => source.close(),
  }
}

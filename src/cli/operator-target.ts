// Opens the store for an operator's command, and finds the stream that it names.
import type { OperatorTarget } from '../operate/operator-options.ts'
import type { StoredStream } from '../ports/store-reader.ts'
import type { FoundStore, StoreFlags } from './store-flags.ts'
import { oneConsumer, withStore } from './store-flags.ts'
import { findNamedStream } from './stream-argument.ts'

/** Runs with one consumer of the store that the flags name, opened for writing. */
export async function withOperatorTarget<Result>(
  flags: StoreFlags,
  run: (target: OperatorTarget, found: FoundStore) => Promise<Result>,
): Promise<Result> {
  return withStore(flags, async (found) => {
    const { store, known } = found
    const consumer = await oneConsumer(store, found.consumer)
    await store.open()
    return run({ store, consumer, domains: known }, found)
  })
}

/** Runs with the stream that was named; says so where there is none, and runs nothing. */
export async function withNamedStream(
  flags: StoreFlags,
  name: string,
  run: (target: OperatorTarget, stored: StoredStream, found: FoundStore) => Promise<void>,
): Promise<void> {
  await withOperatorTarget(flags, async (target, found) => {
    const { store, consumer } = target
    const stored = await findNamedStream({ reader: store.reader, consumer }, name)
    if (stored !== undefined) await run(target, stored, found)
  })
}

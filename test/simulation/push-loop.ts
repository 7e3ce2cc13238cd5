// Somebody else's consumer with a processor in it: reads, processes, settles what has an end and gives back
// what was refused. With the sweep switched off everything has to come in turn by the way of the events
// alone.
import { fieldOf } from '../../src/core/thrown.ts'
import type { Processor } from '../../src/engine/processor.ts'
import type { Source } from '../../src/ports/source.ts'
import type { Timers } from '../../src/ports/timers.ts'
import type { Copy } from './broker.ts'
import type { ReadingTime } from './reading-time.ts'

/** What a push loop is made of. */
export interface PushLoopParts {
  readonly processor: Processor
  readonly source: Source<Copy>
  readonly timers: Timers
  readonly batch: number
  readonly isSweepOff: boolean
  readonly stop: AbortSignal
  /** A sweep says, as a read does, that events can arrive. */
  readonly reading: ReadingTime
}

const sweepMs = 500

/** Runs until stopped. Failures are waited out; what was in hand is processed again. */
export async function runPushLoop(parts: PushLoopParts): Promise<void> {
  const { processor, source, timers, stop, isSweepOff, reading } = parts
  let inHand: readonly Copy[] = []
  let isOpen = false
  let nextSweepMs = 0
  while (!stop.aborted) {
    try {
      if (!isOpen)
        await source.open({ load: () => Promise.resolve(undefined), save: () => Promise.resolve() })
      isOpen = true
      if (inHand.length < parts.batch) {
        const max = parts.batch - inHand.length
        inHand = [...inHand, ...(await source.read({ max, waitMs: sweepMs, signal: stop }))]
      }
      inHand = await processOnce(parts, inHand)
      if (isSweepOff || timers.elapsedMs() < nextSweepMs) continue
      touch(reading)
      await processor.sweep()
      touch(reading)
      nextSweepMs = timers.elapsedMs() + sweepMs
    } catch (error) {
      if (!isRetryable(error)) throw error
      await timers.sleep(200, stop)
    }
  }
  await processor.close()
  await source.close()
}

/** Processes what is in hand; returns what stays there. */
async function processOnce(parts: PushLoopParts, inHand: readonly Copy[]): Promise<readonly Copy[]> {
  const { processor, source, timers, stop } = parts
  if (inHand.length === 0) return []
  const results = await processor.process(inHand.map(({ message }) => message))
  if (results.length !== inHand.length)
    throw new Error(`${results.length} results for ${inHand.length} events`)
  const refused = inHand.filter((_, index) => results[index]?.verdict === 'refuse')
  await source.settle(inHand.filter((copy) => !refused.includes(copy)))
  if (refused.length === 0) return []
  if (source.kind === 'queue') {
    await source.release(refused, 1_000)
    return []
  }
  await timers.sleep(100, stop)
  return refused
}

function touch(reading: ReadingTime): void {
  reading.begin()
  reading.end()
}

function isRetryable(error: unknown): boolean {
  return fieldOf(error, 'retryable') === true
}

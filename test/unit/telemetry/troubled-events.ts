// Events of which each metric tells something: a copy, a lost number, a handler that fails, a gap that ends.
import type { ProcessorOptions } from '../../../src/engine/processor-options.ts'
import type { EngineWorld } from '../engine/engine-world.ts'
import { event, sweepAll } from '../engine/engine-world.ts'

/** Has a world process them, and somebody listen. */
export async function processTroubled(
  world: EngineWorld,
  telemetry: NonNullable<ProcessorOptions['telemetry']>,
): Promise<void> {
  const handle = ({ stream }: { readonly stream: string }): void => {
    if (stream === 'b') throw new TypeError('no money')
  }
  const processor = world.processor(
    { handle, gap: { patience: 1_000, then: 'skip' }, failure: { attempts: 1, then: 'dead-letter' } },
    { telemetry },
  )
  const time = new Date(world.now - 60_000).toISOString()
  await processor.process([
    event('a', 1, { time }),
    event('a', 1),
    event('a', 3),
    event('b', 1),
    event('c', 3),
  ])
  await world.read(2_000)
  await sweepAll(processor)
}

// A world with a healer that has a log of its own, answers as it is told to, and notes what it was asked.
import type { HealOptions } from '../../../src/engine/healing/heal-options.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import type { Healer, HealRequest } from '../../../src/ports/healer.ts'
import type { DomainShape } from './engine-world.ts'
import { event } from './engine-world.ts'
import { WorkerWorld } from './worker-world.ts'

export class HealWorld extends WorkerWorld {
  readonly asked: HealRequest[] = []
  /** What the healer has, by stream. */
  readonly log: Map<string, unknown[]> = new Map()
  /** Instead of the log. */
  answer: ((request: HealRequest) => unknown) | undefined

  readonly healer: Healer = {
    name: 'log',
    heal: async (request) => {
      this.asked.push(request)
      if (this.answer !== undefined) return (await this.answer(request)) as readonly unknown[]
      return this.lookUp(request)
    },
  }

  /** The healer's log has these numbers. */
  has(stream: string, ...sequences: readonly number[]): void {
    const known = this.log.get(stream) ?? []
    this.log.set(stream, [...known, ...sequences.map((sequence) => event(stream, sequence))])
  }

  lookUp({ stream, epoch, from, to, limit }: HealRequest): readonly unknown[] {
    const found = (this.log.get(stream) ?? []).filter((message) => {
      const { sequence, epoch: own = 0 } = message as { sequence: number; epoch?: number }
      return own === epoch && (from === null || sequence >= from) && sequence <= to
    })
    return found.slice(0, limit)
  }

  /** Fields of a domain whose gaps are healed after a second. */
  healed(heal: Partial<HealOptions> = {}, gap: DomainShape = {}): DomainShape {
    return { gap: { heal: { with: this.healer, ...heal }, ...gap } }
  }

  /** The ranges that were asked for. */
  get ranges(): readonly string[] {
    return this.asked.map(({ stream, from, to }) => `${stream}:${String(from)}-${String(to)}`)
  }

  /** Lets time pass, with a beat and a sweep every second. */
  async pass(processor: Processor, seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      await this.timers.advance(1_000)
      const end = { isOver: false }
      const sweeping = processor.sweep().finally(() => {
        end.isOver = true
      })
      await this.timers.rest()
      for (let steps = 0; !end.isOver; steps++) {
        if (steps > 10_000) throw new Error('the sweep never ends')
        await this.timers.advance(1)
      }
      await sweeping
    }
  }
}

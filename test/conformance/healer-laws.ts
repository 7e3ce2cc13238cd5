// What every healer has to keep, whatever it reads from: data, free of where the events lie. I9.
import { expect, test } from 'vitest'
import type { Healer, HealRequest } from '../../src/ports/healer.ts'

/** An event as it is kept where a healer finds it. */
export interface KeptEvent {
  readonly domain: string
  readonly stream: string
  readonly sequence: number | string
  readonly id: string
  readonly epoch?: number
  readonly data: unknown
}

/** A place that a healer reads from. */
export interface HealerWorld {
  readonly healer: Healer
  /** Puts events where the healer finds them. */
  readonly keep: (events: readonly KeptEvent[]) => Promise<void>
  dispose(): Promise<void>
}

interface HealerLaw {
  readonly name: string
  readonly run: (world: HealerWorld) => Promise<void>
}

export const askFor = (fields: Partial<HealRequest> = {}): HealRequest => ({
  domain: 'account',
  stream: 'a',
  epoch: 0,
  from: 1,
  to: 10,
  limit: 500,
  signal: new AbortController().signal,
  ...fields,
})

export const kept = (stream: string, sequence: number | string, fields: object = {}): KeptEvent => ({
  domain: 'account',
  stream,
  sequence,
  id: `${stream}-${sequence}`,
  data: { amount: Number(sequence) },
  ...fields,
})

/** The ids of an answer, as they come. */
export function idsOf(answer: readonly unknown[]): readonly unknown[] {
  return answer.map((message) => {
    const text = message instanceof Uint8Array ? new TextDecoder().decode(message) : message
    const event: unknown = typeof text === 'string' ? JSON.parse(text) : text
    return typeof event === 'object' && event !== null && 'id' in event ? event.id : undefined
  })
}

const laws: readonly HealerLaw[] = [
  {
    name: 'it finds the events of a range, both ends included, and of no other stream',
    run: async ({ healer, keep }) => {
      await keep([kept('a', 1), kept('b', 2), kept('a', 2), kept('a', 3), kept('a', 4), kept('a', 5)])
      expect(idsOf(await healer.heal(askFor({ from: 2, to: 4 })))).toEqual(['a-2', 'a-3', 'a-4'])
    },
  },
  {
    name: 'where there is nothing the answer is empty',
    run: async ({ healer, keep }) => {
      await keep([kept('a', 1)])
      expect(await healer.heal(askFor({ from: 2 }))).toEqual([])
      expect(await healer.heal(askFor({ stream: 'nobody' }))).toEqual([])
    },
  },
  {
    name: 'of more than are wanted the lowest come',
    run: async ({ healer, keep }) => {
      await keep([kept('a', 5), kept('a', 2), kept('a', 4), kept('a', 1), kept('a', 3)])
      expect(idsOf(await healer.heal(askFor({ limit: 2 })))).toEqual(['a-1', 'a-2'])
    },
  },
  {
    name: 'epochs are kept apart',
    run: async ({ healer, keep }) => {
      await keep([kept('a', 1), kept('a', 1, { epoch: 1, id: 'later' })])
      expect(idsOf(await healer.heal(askFor({ epoch: 1 })))).toEqual(['later'])
      expect(idsOf(await healer.heal(askFor()))).toEqual(['a-1'])
    },
  },
  {
    name: 'a chain whose beginning is unknown is found from its lowest number',
    run: async ({ healer, keep }) => {
      await keep([kept('a', 7), kept('a', 3), kept('a', 12)])
      expect(idsOf(await healer.heal(askFor({ from: null })))).toEqual(['a-3', 'a-7'])
    },
  },
  {
    name: 'numbers beyond 2^53 are exact',
    run: async ({ healer, keep }) => {
      await keep([kept('a', '9007199254740993'), kept('a', '9007199254740995')])
      const [from, to] = [9007199254740993n, 9007199254740994n]
      expect(idsOf(await healer.heal(askFor({ from, to })))).toEqual(['a-9007199254740993'])
    },
  },
  {
    name: 'a stream key of any characters is a key like any other',
    run: async ({ healer, keep }) => {
      const streams = ['a/b', 'ä?ö=&#', '%2F', 'with "quotes"', 'ctrl\u0001', '{stream}']
      for (const stream of streams) {
        await keep([kept(stream, 1)])
        expect(idsOf(await healer.heal(askFor({ stream })))).toEqual([`${stream}-1`])
      }
    },
  },
  {
    name: 'what was kept after a question is found by the next one',
    run: async ({ healer, keep }) => {
      await keep([kept('a', 1)])
      expect(await healer.heal(askFor())).toHaveLength(1)
      await keep([kept('a', 2), kept('b', 1)])
      expect(await healer.heal(askFor())).toHaveLength(2)
      expect(idsOf(await healer.heal(askFor({ stream: 'b' })))).toEqual(['b-1'])
    },
  },
  {
    name: 'a question that is not wanted any more ends',
    run: async ({ healer, keep }) => {
      await keep([kept('a', 1)])
      const asking = new AbortController()
      asking.abort(new Error('not wanted'))
      await expect(healer.heal(askFor({ signal: asking.signal }))).rejects.toThrow(/not wanted/)
    },
  },
]

/** Every law of healers, against worlds that `makeWorld` makes. */
export function keepsTheHealerLaws(makeWorld: () => Promise<HealerWorld>): void {
  for (const law of laws) {
    test(law.name, async () => {
      const world = await makeWorld()
      try {
        await expect(law.run(world)).resolves.toBeUndefined()
      } finally {
        await world.dispose()
      }
    })
  }
}

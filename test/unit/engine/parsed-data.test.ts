// What a schema gives is what handlers and filters get; what is kept of an event is what came, and it is
// parsed again by whoever delivers it (I2, I3).
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { InturnEvent } from '../../../src/core/event.ts'
import { contiguous, unordered } from '../../../src/core/numbering.ts'
import { retryDeadLetters } from '../../../src/operate/retry-dead-letters.ts'
import type { StandardSchema } from '../../../src/ports/standard-schema.ts'
import type { DomainShape } from './engine-world.ts'
import { consumer, EngineWorld, event, sweepAll } from './engine-world.ts'
import { MortalWorld } from './mortal-world.ts'

const schema = z.object({ at: z.coerce.date(), unit: z.string().default('EUR') })
const later: StandardSchema = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: async (value) => schema['~standard'].validate(await Promise.resolve(value)),
  },
}

const day = '2026-01-02T00:00:00.000Z'
const parsed = { at: new Date(day), unit: 'EUR' }
const dated = (sequence: number): unknown => event('a', sequence, { data: { at: day } })
const bad = (sequence: number): unknown => event('a', sequence, { data: { at: 'soon' } })

function parsedWorld(fields: DomainShape = {}) {
  const world = new EngineWorld()
  const seen: unknown[] = []
  const handle = ({ sequence, data }: InturnEvent): void => void seen.push([sequence, data])
  return { world, seen, processor: world.processor({ schema, handle, ...fields }) }
}

describe.each([
  ['at once', { schema }],
  ['later', { schema: later }],
  ['by type', { schema: undefined, schemas: { '*': schema } }],
])('the output of a schema that answers %s', (_how, fields) => {
  it('is what a handler gets: defaults, coercions and dates', async () => {
    const { seen, processor } = parsedWorld(fields)
    await processor.process([dated(1), dated(2)])
    expect(seen).toEqual([1, 2].map((sequence) => [sequence, parsed]))
  })

  it('is what `filter` and `handleBatch` get', async () => {
    const seen: unknown[] = []
    const { processor } = parsedWorld({
      ...fields,
      handle: undefined,
      filter: ({ data }: InturnEvent<typeof parsed>) => data.at.getTime() > 0,
      handleBatch: (events: readonly InturnEvent[]) => void seen.push(...events.map(({ data }) => data)),
    })
    await processor.process([dated(1), dated(2)])
    expect(seen).toEqual([parsed, parsed])
  })

  it('is not kept: held and dead events have their input, and are parsed when their turn comes', async () => {
    const { world, seen, processor } = parsedWorld({
      ...fields,
      handle: ({ sequence, data }: InturnEvent) => {
        seen.push([sequence, data])
        if (sequence === 2 && seen.length === 2) throw new Error('not now')
      },
      failure: { attempts: 1, then: 'dead-letter' },
    })
    await processor.process([dated(2), dated(3)])
    const held = await world.memory.reader.held(consumer, { stream: 'account/a', limit: 9 })
    expect(held.map(({ event: { data } }) => data)).toEqual([{ at: day }, { at: day }])
    await processor.process([dated(1)])
    expect((await world.deadLetters()).map(({ payload }) => (payload as InturnEvent).data)).toEqual([
      { at: day },
    ])
    const target = { store: world.store(), consumer, domains: new Map(), timers: world.timers }
    await target.store.open()
    await retryDeadLetters(target, { by: 'ann', reason: 'mended', waitMs: 0, only: 'failed' })
    await sweepAll(processor)
    expect(seen).toEqual([1, 2, 3, 2].map((sequence) => [sequence, parsed]))
  })

  it('is what the result of a released event shows', async () => {
    const { processor } = parsedWorld(fields)
    await processor.process([dated(2)])
    const [result] = await processor.process([dated(1)])
    expect(result?.released.map(({ data }) => data)).toEqual([parsed])
  })

  it('is parsed anew for each attempt: what a handler did to it does not stay', async () => {
    const { seen, processor, world } = parsedWorld({
      ...fields,
      handle: ({ data }: InturnEvent<{ unit: string }>) => {
        seen.push(data.unit)
        data.unit = 'spoilt'
        if (seen.length === 1) throw new Error('not now')
      },
    })
    await processor.process([dated(1)])
    await world.timers.advance(1_000)
    await sweepAll(processor)
    expect(seen).toEqual(['EUR', 'EUR'])
  })

  it('is what an unordered() domain gets', async () => {
    const { seen, processor } = parsedWorld({ ...fields, numbering: unordered() })
    await processor.process([dated(1)])
    expect(seen).toEqual([[1, parsed]])
  })

  it('is known of a number that wraps, whichever event the turn stops in front of', async () => {
    const { seen, processor } = parsedWorld({ ...fields, numbering: contiguous({ start: 0, modulus: 4 }) })
    await processor.process([0, 1, 2, 3, 0, 1].map(dated))
    await processor.process([dated(2), bad(3)])
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6].map((sequence) => [sequence, parsed]))
  })

  it('is what a filter gets while its events are made in quarantine', async () => {
    const world = new MortalWorld('external', ['a:2'])
    const filter = ({ data }: InturnEvent<typeof parsed>): boolean => data.at.getTime() > 0
    await world.outlive([1, 2, 3].map(dated), { ...fields, filter })
    expect(await world.deadLetters()).toMatchObject([{ sequence: 2, reason: 'worker-died' }])
    expect((await world.stream('a'))?.state.counts).toMatchObject({ delivered: 2, removed: 1, filtered: 0 })
  })
})

it('two schemas for one domain are refused, by their names', () => {
  const both = { schema, schemas: { '*': schema } }
  expect(() => parsedWorld(both)).toThrow('domains.account takes either schema or schemas')
  expect(() => parsedWorld({ schema: {} })).toThrow('domains.account.schema takes a schema of a library')
})

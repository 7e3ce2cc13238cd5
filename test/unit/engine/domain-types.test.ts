// What the compiler says of domains: the types of a handler's event follow from its domain's schema and
// numbering, and what its store cannot do does not compile. Each expected error is one of the compiler's.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type } from 'arktype'
import * as v from 'valibot'
import { afterAll, expect, test } from 'vitest'
import { z } from 'zod'
import type { DomainOptions, InturnEvent, Sequence, TrackedEvent } from '../../../src/index.ts'
import { contiguous, createProcessor, defineConfig, unordered } from '../../../src/index.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import type { SqliteTransaction } from '../../../src/stores/sqlite.ts'
import { sqliteStore } from '../../../src/stores/sqlite.ts'
import { memorySource } from '../../../src/transports/memory.ts'

interface Payment {
  readonly amount: number
}

const consumer = 'billing'
const folder = mkdtempSync(join(tmpdir(), 'inturn-types-'))
const file = join(folder, 'billing.db')
afterAll(() => rmSync(folder, { recursive: true }))

const day = '2026-01-02T00:00:00.000Z'

test('each domain types its events by its own schema: zod, valibot and arktype', async () => {
  const seen: unknown[] = []
  const processor = createProcessor({
    consumer,
    store: sqliteStore(file),
    domains: {
      zod: {
        numbering: contiguous(),
        schema: z.object({ at: z.coerce.date(), copies: z.number().default(1) }),
        effects: 'transaction',
        filter: ({ data }) => data.copies > 0,
        handle({ sequence, data }, { transaction }) {
          const number: Sequence = sequence
          const [at, copies]: [Date, number] = [data.at, data.copies]
          transaction.run('SELECT 1')
          // @ts-expect-error the schema has no such field
          seen.push([number, at, copies, data.other])
        },
      },
      valibot: {
        numbering: unordered(),
        schema: v.object({ name: v.pipe(v.string(), v.toUpperCase()) }),
        effects: 'external',
        handle: (event) => {
          const name: string = event.data.name
          // @ts-expect-error an event of an unordered() domain may have no number
          const number: Sequence = event.sequence
          seen.push([number, name])
        },
      },
      arktype: {
        numbering: contiguous(),
        schema: type({ count: 'string.numeric.parse' }),
        effects: 'transaction',
        handleBatch: async (events) => {
          const counts: readonly number[] = events.map(({ data }) => data.count)
          seen.push(await Promise.resolve(counts))
        },
      },
    },
  })
  const event = (domain: string, data: object) => ({ domain, stream: 'a', sequence: 1, id: 'x', data })
  await processor.process([
    event('zod', { at: day }),
    event('valibot', { name: 'ann' }),
    event('arktype', { count: '7' }),
  ])
  await processor.close()
  expect(seen).toHaveLength(3)
  expect(seen).toContainEqual([1, new Date(day), 1, undefined])
  expect(seen).toContainEqual([1, 'ANN'])
  expect(seen).toContainEqual([7])
})

test('without a schema a handler declares what its event carries', () => {
  const declared: DomainOptions<SqliteTransaction> = {
    numbering: contiguous(),
    effects: 'transaction',
    handle: ({ sequence, data }: TrackedEvent<Payment>, { transaction }) =>
      transaction.run('SELECT ?, ?', sequence, data.amount),
  }
  const config = defineConfig({
    consumer,
    store: sqliteStore(file),
    source: memorySource(),
    domains: {
      declared,
      tracked: {
        numbering: contiguous(),
        effects: 'transaction',
        async handle({ data }: InturnEvent<Payment>, { transaction }) {
          transaction.run('SELECT ?', await Promise.resolve(data.amount))
        },
      },
      free: {
        numbering: unordered(),
        schemas: { '*': z.object({ amount: z.number() }) },
        effects: 'external',
        handle: ({ data }: InturnEvent<Payment>) => data.amount,
      },
      unknown: {
        numbering: contiguous(),
        effects: 'external',
        // @ts-expect-error without a schema the data is unknown
        handle: ({ data }) => void data.amount,
      },
    },
  })
  expect(Object.keys(config.domains)).toHaveLength(4)
})

test('what a schema gives cannot be declared to be something else', () => {
  const schema = z.object({ amount: z.number() })
  const processor = createProcessor({
    consumer,
    store: memoryStore(),
    domains: {
      more: {
        numbering: contiguous(),
        schema,
        effects: 'external',
        // @ts-expect-error the schema has no currency
        handle: ({ data }: TrackedEvent<Payment & { readonly currency: string }>) => data.currency,
      },
      other: {
        numbering: contiguous(),
        schema,
        effects: 'external',
        // @ts-expect-error the schema gives a number
        handle: ({ data }: TrackedEvent<{ readonly amount: string }>) => data.amount,
      },
    },
  })
  expect(processor).toBeDefined()
})

test('an event without tracking cannot be declared to have a number', () => {
  const store = memoryStore()
  const handle = (event: TrackedEvent<Payment>): unknown => event.sequence
  const processor = createProcessor({
    consumer,
    store,
    domains: {
      // @ts-expect-error it is no TrackedEvent
      free: { numbering: unordered(), effects: 'external', handle: (event: TrackedEvent) => event.sequence },
      // @ts-expect-error whatever it carries
      named: { numbering: unordered(), effects: 'external', handle },
      tracked: { numbering: contiguous(), effects: 'external', handle },
    },
  })
  expect(processor).toBeDefined()
})

test("effects: 'transaction' needs a store with transactions, to the compiler and when it runs", () => {
  const make = () =>
    createProcessor({
      consumer,
      store: memoryStore(),
      // @ts-expect-error a store in memory has no transactions
      domains: { account: { numbering: contiguous(), effects: 'transaction', handle: () => undefined } },
    })
  expect(make).toThrow("has no transactions for handlers; it takes 'external'")
})

// Appending against a naive model: random batches with random expectations, retries and retention come to the
// same numbers, the same refusals and the same log, in memory, in SQLite and in Redis (I1, I3).
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InturnError } from '../../../src/core/errors.ts'
import type { StreamAppend } from '../../../src/core/logged-event.ts'
import type { EventLog } from '../../../src/ports/event-log.ts'
import { memoryEventLog } from '../../../src/stores/memory.ts'
import { redisEventLog } from '../../../src/stores/redis.ts'
import { sqliteEventLog } from '../../../src/stores/sqlite.ts'
import { all } from '../../../src/testing/event-log-suite/samples.ts'
import { connectedClient, ownPrefix } from '../../conformance/stores/redis-fixture.ts'
import { startRedis } from '../../services/redis-server.ts'

interface ModelEvent {
  readonly stream: string
  readonly id: string
  readonly data: number
  readonly sequence: number
}

/** The log as one list, looked through from its beginning every time. */
class NaiveLog {
  readonly all: ModelEvent[] = []
  removed = 0

  headOf(stream: string): number {
    return this.all.filter((event) => event.stream === stream).length
  }

  kept(): ModelEvent[] {
    return this.all.slice(this.removed)
  }

  append(batch: readonly StreamAppend[]): unknown {
    const given = batch.flatMap(({ stream, events }) => events.map(({ id, data }) => ({ stream, id, data })))
    const isTwice = given.some((a, index) =>
      given.slice(index + 1).some((b) => a.stream === b.stream && a.id === b.id),
    )
    if (isTwice) return 'id-conflict'
    const found = given.map(({ stream, id }) =>
      this.kept().find((old) => old.stream === stream && old.id === id),
    )
    if (found.some((old, index) => old !== undefined && old.data !== given[index]?.data)) return 'id-conflict'
    const known = found.filter((old) => old !== undefined)
    if (known.length > 0 && known.length < given.length) return 'append-partly-known'
    if (known.length > 0) return known.map(({ sequence }) => sequence)
    const added: ModelEvent[] = []
    for (const { stream, events, expected } of batch) {
      const head = this.headOf(stream) + added.filter((event) => event.stream === stream).length
      if (expected !== 'any' && head !== (expected === 'none' ? 0 : expected))
        return `append-conflict at ${head}`
      added.push(
        ...events.map(({ id, data }, index) => ({
          stream,
          id,
          data: Number(data),
          sequence: head + 1 + index,
        })),
      )
    }
    this.all.push(...added)
    return added.map(({ sequence }) => sequence)
  }
}

async function outcomeOf(log: EventLog, batch: readonly StreamAppend[]): Promise<unknown> {
  try {
    return (await log.appendAll(batch)).flatMap(({ events }) => events.map(({ sequence }) => sequence))
  } catch (error) {
    if (!(error instanceof InturnError)) throw error
    return 'actual' in error ? `${error.code} at ${String(error.actual)}` : error.code
  }
}

const entry = fc.record({
  domain: fc.constant('account'),
  stream: fc.constantFrom('a', 'b'),
  expected: fc.oneof(fc.constantFrom('any' as const, 'none' as const), fc.nat({ max: 8 })),
  events: fc.array(
    fc.record({
      id: fc.nat({ max: 30 }).map((number) => `e${number}`),
      type: fc.constant('t'),
      data: fc.constantFrom(0, 0, 0, 1),
    }),
    { maxLength: 3 },
  ),
})
const step = fc.oneof(
  { weight: 8, arbitrary: fc.array(entry, { minLength: 1, maxLength: 3 }) },
  // A retry of the batch before it, and retention.
  { weight: 2, arbitrary: fc.constant('again' as const) },
  { weight: 1, arbitrary: fc.nat({ max: 20 }) },
)

async function expectSameLog(log: EventLog, model: NaiveLog): Promise<void> {
  const read = await all(log.readAll({ after: 'kept' }))
  expect(read.map(({ stream, id, data, sequence }) => ({ stream, id, data, sequence }))).toEqual(model.kept())
  expect(read.map(({ place }) => place)).toEqual(model.kept().map((_, index) => model.removed + index + 1))
  for (const stream of ['a', 'b']) {
    const { first, last } = await log.bounds({ domain: 'account', stream })
    expect(last).toBe(model.headOf(stream))
    expect(last + 1 - first).toBe(model.kept().filter((event) => event.stream === stream).length)
  }
}

async function runSteps(log: EventLog, steps: readonly (StreamAppend[] | 'again' | number)[]): Promise<void> {
  const model = new NaiveLog()
  let before: readonly StreamAppend[] = []
  for (const one of steps) {
    if (typeof one === 'number') {
      await log.trim({ before: one })
      model.removed = Math.max(model.removed, Math.min(one - 1, model.all.length))
      continue
    }
    before = one === 'again' ? before : one
    expect(await outcomeOf(log, before)).toEqual(model.append(before))
  }
  await expectSameLog(log, model)
}

const steps = fc.array(step, { maxLength: 25 })

test('in memory every batch comes to what the model says', async () => {
  expect.hasAssertions()
  await fc.assert(
    fc.asyncProperty(steps, async (some) => runSteps(memoryEventLog(), some)),
    { numRuns: 500 },
  )
})

test('in SQLite every batch comes to what the model says', async () => {
  expect.hasAssertions()
  const folder = mkdtempSync(join(tmpdir(), 'inturn-append-model-'))
  let runs = 0
  try {
    await fc.assert(
      fc.asyncProperty(steps, async (some) => {
        const log = sqliteEventLog(join(folder, `${++runs}.db`), { synchronous: 'normal' })
        try {
          await log.open()
          await runSteps(log, some)
        } finally {
          await log.close()
        }
      }),
      { numRuns: 60 },
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('in Redis every batch comes to what the model says', async () => {
  expect.hasAssertions()
  const server = await startRedis()
  const client = await connectedClient(server.url)
  try {
    await fc.assert(
      fc.asyncProperty(steps, async (some) => {
        const log = redisEventLog({ client }, { prefix: ownPrefix(), onWarning: () => undefined })
        await log.open()
        await runSteps(log, some)
      }),
      { numRuns: 100 },
    )
  } finally {
    client.destroy()
    await server.stop()
  }
})

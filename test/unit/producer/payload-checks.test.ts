// An append checks its events' data by their type before any of them gets a number (I3, I7).
import { expect, test } from 'vitest'
import type { StandardSchema } from '../../../src/ports/standard-schema.ts'
import { memoryEventLog } from '../../../src/stores/memory.ts'
import { all, sample } from '../../../src/testing/event-log-suite/samples.ts'

function schemaOf(field: string, isAsync = false): StandardSchema {
  const validate = (value: unknown) =>
    typeof value === 'object' && value !== null && field in value
      ? { value }
      : { issues: [{ message: 'is missing', path: [field] }] }
  return {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) => (isAsync ? Promise.resolve(validate(value)) : validate(value)),
    },
  }
}

const place = { domain: 'account', stream: 'a' }

test('data that is not what its type says is refused with its batch, and what is wrong is said', async () => {
  const schemas = { 'account.booked': schemaOf('amount'), '*': schemaOf('any', true) }
  const log = memoryEventLog({ schemas })
  const good = sample('e1', { amount: 5 })
  const other = { ...sample('e2', { any: 1 }), type: 'constructor' }
  await log.append({ ...place, events: [good, other] })
  for (const wrong of [sample('e3', { any: 1 }), { ...sample('e3', { amount: 1 }), type: 'else' }]) {
    const refused = log.append({ ...place, events: [sample('e4', { amount: 1 }), wrong] })
    await expect(refused).rejects.toMatchObject({ code: 'event-invalid' })
    await expect(refused).rejects.toThrow(/event e3: its data is no \S+: \w+: is missing/)
  }
  expect((await all(log.readAll())).map(({ id }) => id)).toEqual(['e1', 'e2'])
})

test('a type that no schema names is not checked', async () => {
  const log = memoryEventLog({ schemas: { other: schemaOf('x') } })
  expect((await log.append({ ...place, events: [{ ...sample('e1'), type: 'toString' }] })).position).toBe(1)
})

test('limits are named options: events an append, bytes an event, bytes a key', async () => {
  const log = memoryEventLog({ appendMax: 2, eventBytesMax: 20, streamBytesMax: 5 })
  const refused = (events: readonly ReturnType<typeof sample>[], stream = 'a') =>
    expect(log.append({ domain: 'd', stream, events })).rejects.toMatchObject({ code: 'event-invalid' })
  const short = (id: string) => ({ id, type: 't', data: 1 })
  await refused([short('1'), short('2'), short('3')])
  await refused([{ ...short('1'), data: 'x'.repeat(30) }])
  await refused([{ ...short('1'), data: 'ě'.repeat(10) }])
  await refused([short('1')], 'longer')
  await refused([short('longer')])
  expect((await log.append({ domain: 'd', stream: 'a', events: [short('1'), short('2')] })).position).toBe(2)
})

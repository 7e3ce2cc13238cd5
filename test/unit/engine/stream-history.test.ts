// The past of a stream as its healer has it: all of it that the healer can bring, whatever the form in which
// it brings it (I3).
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { EventFrom } from '../../../src/core/event-from.ts'
import { contiguous } from '../../../src/core/numbering.ts'
import { streamPath } from '../../../src/core/stream-path.ts'
import { historyOf } from '../../../src/engine/stream-history.ts'
import type { Healer } from '../../../src/ports/healer.ts'
import type { StreamHistory } from '../../../src/ports/stream-history.ts'
import { fileHealer } from '../../../src/transports/file.ts'
import type { DomainShape } from './engine-world.ts'
import { domain, event } from './engine-world.ts'

function history(healer: Healer, eventFrom?: EventFrom, fields: DomainShape = {}): StreamHistory {
  const domains = { account: domain({ handle: () => undefined, gap: { heal: { with: healer } }, ...fields }) }
  const read = historyOf({ domains, ...(eventFrom !== undefined && { eventFrom }) }, 'account')
  if (read === undefined) throw new Error('nobody has the history')
  return read
}

const numbersIn = async (read: StreamHistory, limit = 100): Promise<unknown[]> => {
  const events = await read.read({ stream: streamPath('account', 'A/B'), epoch: 0, from: 2, to: 9, limit })
  return events.map(({ sequence }) => sequence)
}

test('a healer that stops short of what there is is asked again from there', async () => {
  const asked: unknown[] = []
  const healer: Healer = {
    name: 'pages of two',
    heal: async ({ from, to }) => {
      asked.push(from)
      const numbers = [1, 2, 3, 4, 6, 7, 8, 9, 10].filter((number) => number >= Number(from) && number <= to)
      return numbers.slice(0, 2).map((number) => event('A/B', number))
    },
  }
  expect(await numbersIn(history(healer))).toEqual([2, 3, 4, 6, 7, 8, 9])
  expect(asked).toEqual([2, 4, 7, 9])
  expect(await numbersIn(history(healer), 3)).toEqual([2, 3, 4])
})

test('a healer that brings only what nobody asked for has nothing', async () => {
  const healer: Healer = { name: 'others', heal: async () => [event('other', 2), event('A/B', 1), 'rubbish'] }
  expect(await numbersIn(history(healer))).toEqual([])
})

async function withArchive(messages: readonly unknown[], use: (archive: string) => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), 'inturn-history-'))
  const archive = join(folder, 'archive.ndjson')
  await writeFile(archive, messages.map((message) => `${JSON.stringify(message)}\n`).join(''))
  await use(archive)
  await rm(folder, { recursive: true })
}

test('an archive whose streams are derived has them all, read as its worker reads them', async () => {
  const messages = Array.from({ length: 12 }, (_, index) => ({ org: 'a', user: 'b', n: index }))
  const eventFrom: EventFrom = ({ org, user, n }) => ({
    stream: `${String(org)}/${String(user)}`.toUpperCase(),
    sequence: n,
    id: String(n),
    data: {},
  })
  await withArchive(messages, async (archive) => {
    const read = history(fileHealer(archive), eventFrom)
    for (let times = 0; times < 3; times++) expect(await numbersIn(read)).toEqual([2, 3, 4, 5, 6, 7, 8, 9])
  })
})

test('an archive has what its domain names the fields of', async () => {
  const messages = Array.from({ length: 12 }, (_, index) => ({ order_id: 'A/B', meta: { seq: index } }))
  await withArchive(messages, async (archive) => {
    const fields = { stream: 'order_id', sequence: 'meta.seq' }
    const read = history(fileHealer(archive), undefined, { fields })
    for (let times = 0; times < 3; times++) expect(await numbersIn(read)).toEqual([2, 3, 4, 5, 6, 7, 8, 9])
  })
})

test('of a counter that wraps one round is asked for at a time, as when a gap is healed (I1)', async () => {
  const asked: unknown[] = []
  const healer: Healer = {
    name: 'rounds',
    heal: async ({ from, to, wire }) => {
      asked.push([from, to, wire])
      // Of the round from 4 to 7 it has nothing.
      if (Number(from) < 8 && Number(from) >= 4) return []
      const length = Number(to) - Number(from) + 1
      return Array.from({ length }, (_, at) => event('A/B', Number(wire?.from) + at))
    },
  }
  const numbering = contiguous({ start: 0, modulus: 4 })
  expect(await numbersIn(history(healer, undefined, { numbering }))).toEqual([2, 3, 8, 9])
  expect(asked).toEqual([
    [2, 3, { from: 2, to: 3 }],
    [4, 7, { from: 0, to: 3 }],
    [8, 9, { from: 0, to: 1 }],
  ])
})

test('what cannot tell the rounds of a counter says so, and brings no other one (I1)', async () => {
  const messages = Array.from({ length: 12 }, (_, index) => event('A/B', index % 4))
  await withArchive(messages, async (archive) => {
    const numbering = contiguous({ start: 0, modulus: 4 })
    const read = history(fileHealer(archive), undefined, { numbering })
    await expect(numbersIn(read)).rejects.toThrow(/cannot tell the rounds of a counter/)
  })
})

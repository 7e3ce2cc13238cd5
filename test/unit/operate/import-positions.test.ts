// I3: an imported position is where a stream goes on; a stream of which anything is known keeps what it has.
import { expect, test } from 'vitest'
import { contiguous, increasing, linked } from '../../../src/core/numbering.ts'
import type { StreamRules } from '../../../src/core/rules.ts'
import type {
  ImportSummary,
  PositionRow,
  RefusedRow,
  UnreadableRow,
} from '../../../src/operate/import-positions.ts'
import { importPositions } from '../../../src/operate/import-positions.ts'
import { consumer, event, events, path, verdictsOf } from '../engine/engine-world.ts'
import { OperatorWorld } from './operator-world.ts'

async function* listed(
  rows: readonly (PositionRow | UnreadableRow)[],
): AsyncGenerator<PositionRow | UnreadableRow, void, void> {
  yield* rows
}

function row(stream: string, position: number | bigint, epoch = 0): PositionRow {
  return { stream: path(stream), position, epoch, origin: `row of ${stream}` }
}

async function imported(
  world: OperatorWorld,
  ...rows: readonly (PositionRow | UnreadableRow)[]
): Promise<ImportSummary & { readonly why: readonly string[] }> {
  const refused: RefusedRow[] = []
  const request = {
    by: 'ann',
    reason: 'moving in',
    waitMs: 0,
    onRefused: (one: RefusedRow) => void refused.push(one),
  }
  const summary = await importPositions(world.target, listed(rows), request)
  return { ...summary, why: refused.map(({ origin, why }) => `${origin}: ${why}`) }
}

async function emptyWorld(rules: Partial<StreamRules> = {}): Promise<OperatorWorld> {
  const world = new OperatorWorld(rules)
  await world.operated.open()
  return world
}

test('its stream goes on behind it, and what lies below is a duplicate', async () => {
  const world = await emptyWorld()
  expect(await imported(world, row('a', 4), row('b', 7, 2))).toMatchObject({ imported: 2, refused: 0 })
  const results = await world.processing.process([...events('a', 3, 5, 6), event('b', 8, { epoch: 2 })])
  expect(verdictsOf(results)).toEqual(['duplicate', 'deliver', 'deliver', 'deliver'])
  expect((await world.state()).counts).toMatchObject({ imported: 4, delivered: 2 })
  expect(await world.imbalances()).toEqual([])
  expect(await world.ledger()).toMatchObject([
    { kind: 'imported', from: 1, to: 4, by: 'ann', reason: 'moving in', before: { position: null } },
    { kind: 'imported', from: 1, to: 7, epoch: 2 },
  ])
})

test('a number is the same one as a bigint', async () => {
  const world = await emptyWorld({ numbering: linked() })
  expect(await imported(world, row('a', 4n))).toMatchObject({ imported: 1, refused: 0 })
  const next = event('a', 7, { previous: 4 })
  expect(verdictsOf(await world.processing.process([next]))).toEqual(['deliver'])
})

test('an epoch below 0 is none', async () => {
  const world = await emptyWorld()
  const summary = await imported(world, row('a', 4, -1))
  expect(summary).toMatchObject({
    imported: 0,
    refused: 1,
    why: [expect.stringContaining('epoch-below-zero')],
  })
})

test('a position of nothing handled, and one of increasing numbers, count nothing', async () => {
  const world = await emptyWorld()
  expect(await imported(world, row('a', 0))).toMatchObject({ imported: 1 })
  expect(verdictsOf(await world.processing.process(events('a', 1)))).toEqual(['deliver'])
  expect(await world.imbalances()).toEqual([])
  const offsets = await emptyWorld({ numbering: increasing() })
  expect(await imported(offsets, row('a', 900))).toMatchObject({ imported: 1 })
  const results = await offsets.processing.process(events('a', 899, 901))
  expect(verdictsOf(results)).toEqual(['duplicate', 'deliver'])
  expect(await offsets.imbalances()).toEqual([])
})

test('what is known, comes twice, or cannot be read is refused one by one; the rest is taken', async () => {
  const world = await emptyWorld()
  await world.processing.process([...events('a', 1), ...events('b', 3)])
  const wrong: UnreadableRow = { origin: 'line 9', problem: 'position-missing' }
  const other = { ...row('c', 4), stream: 'parcel/c' }
  const summary = await imported(
    world,
    row('a', 4),
    row('b', 2),
    row('c', 4),
    row('c', 4),
    wrong,
    other,
    row('d', -3),
  )
  expect(summary).toMatchObject({ imported: 1, refused: 6 })
  expect(summary.why.toSorted()).toEqual([
    'line 9: position-missing',
    'row of a: it has the position 1 already',
    'row of b: it holds 1 events already',
    'row of c: it has the position 4 already',
    'row of c: the configuration has no tracked domain parcel',
    'row of d: its numbers begin at 1: the lowest position is 0',
  ])
  expect(await world.imbalances()).toEqual([])
})

test('a stream that a worker has all the while is refused, and not half imported', async () => {
  const world = await emptyWorld()
  const claim = { consumer, worker: 'w7', streams: [path('a')], mode: 'claim', claimMs: 30_000 } as const
  await world.operated.work(claim, async () => {
    const summary = await imported(world, row('a', 4), row('b', 4))
    expect(summary).toMatchObject({ imported: 1, refused: 1 })
  })
  expect(await world.stream('a')).toBeUndefined()
})

test('a first-seen stream counts from 0, and thousands are imported in batches', async () => {
  const world = await emptyWorld({ numbering: contiguous({ start: 'first-seen' }) })
  const rows = Array.from({ length: 1_234 }, (_, at) => row(`s${at}`, 9))
  expect(await imported(world, ...rows)).toMatchObject({ imported: 1_234, refused: 0 })
  expect((await world.state('s7')).counts.imported).toBe(10)
  expect(await world.imbalances()).toEqual([])
})

test('a stream that no worker would take an event of is refused', async () => {
  const world = await emptyWorld()
  const long = 'ä'.repeat(257)
  const rows = [row('ä'.repeat(256), 4), row(long, 4), row('', 4)].map((one, at) => ({
    ...one,
    origin: `row ${at}`,
  }))
  const { imported: count, why } = await imported(world, ...rows)
  expect([count, why]).toEqual([
    1,
    ['row 1: the stream key has 514 bytes, more than 512', 'row 2: it names no stream'],
  ])
})

test('without any rules it does not begin', async () => {
  const world = await emptyWorld()
  const blind = { ...world.target, domains: new Map() }
  const request = { by: 'ann', reason: 'moving in', onRefused: () => undefined }
  await expect(importPositions(blind, listed([row('a', 1)]), request)).rejects.toThrow('--config')
})

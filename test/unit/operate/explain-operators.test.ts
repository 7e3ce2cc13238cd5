// An explanation tells a person at three in the morning what stands still, since when, what was tried, what
// comes next, and which command moves it: the whole line.
import { expect, test } from 'vitest'
import { explanationLines } from '../../../src/operate/explain-text.ts'
import { explainStream } from '../../../src/operate/explain.ts'
import { pathsOf } from '../../../src/operate/find-stream.ts'
import { halt, resume } from '../../../src/operate/operate-stream.ts'
import { argumentWord, shellWord } from '../../../src/operate/operator-actions.ts'
import { pauseDomain } from '../../../src/operate/pause-domain.ts'
import { seek } from '../../../src/operate/seek.ts'
import type { StreamHistory } from '../../../src/ports/stream-history.ts'
import { consumer, events, path } from '../engine/engine-world.ts'
import { byAnn, OperatorWorld } from './operator-world.ts'

async function lines(world: OperatorWorld): Promise<readonly string[]> {
  const stored = await world.stream('a')
  if (stored === undefined) throw new Error('the stream is not known')
  const view = { reader: world.operated.reader, consumer }
  const about = await explainStream(view, stored, world.target.domains)
  return explanationLines(about, { hasCommand: () => true })
}

async function worldWith(world: OperatorWorld, ...numbers: readonly number[]): Promise<OperatorWorld> {
  await world.operated.open()
  await world.processing.process(events('a', ...numbers))
  return world
}

test('a gap that is healed: how often it was asked for, and when again', async () => {
  const rules = { gapEnd: 'skip', heal: { afterMs: 10_000, attempts: 5 } } as const
  const world = await worldWith(new OperatorWorld(rules), 1, 2, 5, 6)
  await world.read(3_000)
  expect(await lines(world)).toEqual([
    'account/a for consumer billing',
    '',
    'It waits for numbers 3 to 4 (2 of them), which did not come.',
    '  since 1970-01-01 00:16:40Z (3 s ago)',
    '  its healer was not asked yet; the first time is due 1970-01-01 00:16:50Z (in 7 s)',
    '  3 s of its 30 s patience used; only reading time counts',
    '  it stands at 2; the next number is 3',
    '  2 events held, in order',
    '',
    'Next: attempt 1 of 5 to have it healed is due at 1970-01-01 00:16:50Z.',
    '',
    'What moves it:',
    '  has the healer asked again, with the patience begun anew:',
    '    inturn retry account/a --expect-position 2 --reason "..."',
    '  gives the missing numbers up as lost and goes on behind them:',
    '    inturn skip account/a --sequence 3 --expect-position 2 --reason "..."',
    '  says that the numbers were never used:',
    '    inturn fill account/a --from 3 --to 4 --expect-position 2 --reason "..."',
    '',
    'Accounts: 2 delivered',
    'Last changed: 1970-01-01 00:16:40Z (3 s ago)',
  ])
})

test('a halt over a gap says what is missing, and that it ends by itself', async () => {
  const world = await worldWith(new OperatorWorld({ gapEnd: 'halt' }), 1, 2, 5)
  await world.read(31_000)
  await world.sweep()
  const text = (await lines(world)).join('\n')
  expect(text).toContain('It is halted: a gap outlasted its patience.')
  expect(text).toContain('  missing: numbers 3 to 4 (2 of them)')
  expect(text).toContain('the halt ends by itself when everything missing has come')
  expect(text).toContain('  begins its patience anew:\n    inturn retry account/a')
})

test('a halt over a gap of which the front has come: what is missing, and a line that works', async () => {
  const world = await worldWith(new OperatorWorld({ gapEnd: 'halt' }), 1, 2, 5)
  await world.read(31_000)
  await world.sweep()
  await world.processing.process(events('a', 3))
  const text = (await lines(world)).join('\n')
  expect(text).toContain('  missing: number 4')
  expect(text).not.toContain('inturn skip')
  expect(text).toContain('    inturn resume account/a --expect-position 2 --reason "..."')
  await resume(world.target, { ...byAnn, expectPosition: 2 })
  await world.sweep()
  expect((await lines(world)).join('\n')).toContain('It waits for number 4')
})

test('a halt after failures: how often, with which error, and the lines for each way on', async () => {
  const world = await worldWith(new OperatorWorld(), 1, 2)
  world.failing.add(3)
  await world.processing.process(events('a', 3, 4))
  await world.failAt(3)
  const text = (await lines(world)).join('\n')
  expect(text).toContain('It is halted: its next event failed at every attempt.')
  expect(text).toContain('  tried 2 of 2 times, first 1970-01-01 00:16:40Z')
  expect(text).toContain('  the error: Error: no money')
  expect(text).toContain('    inturn retry account/a --expect-position 2 --reason "..."')
  expect(text).toContain('    inturn skip account/a --sequence 3 --expect-position 2 --reason "..."')
  expect(text).toContain('    inturn resume account/a --expect-position 2 --reason "..."')
})

test('a paused domain: by whom, why; the line names the domain, and nothing is due', async () => {
  const world = await worldWith(new OperatorWorld(), 1)
  world.failing.add(2)
  await world.processing.process(events('a', 2))
  await pauseDomain(world.target, { domain: 'account', by: 'bob', reason: 'migration' })
  const text = (await lines(world)).join('\n')
  expect(text).toContain('Next: nothing happens by itself; an operator decides.')
  expect(text).toContain('  besides, the domain account is paused by bob: migration')
  expect(text).toContain('  lets the whole domain go on:\n    inturn resume account --reason "..."')
  const quiet = await worldWith(new OperatorWorld(), 1, 3)
  await pauseDomain(quiet.target, { domain: 'account', by: 'bob', reason: 'migration' })
  const [, , first, by, why, missing] = await lines(quiet)
  expect([first, by, why, missing]).toEqual([
    'The domain account is paused by an operator.',
    '  by bob, since 1970-01-01 00:16:40Z (0 s ago)',
    '  reason: migration',
    '  missing: number 2',
  ])
})

test('an operator who halted it, or moved it back, is named with the reason', async () => {
  const world = await worldWith(new OperatorWorld(), 1, 2, 3, 4)
  await halt(world.target, byAnn)
  const halted = (await lines(world)).join('\n')
  expect(halted).toContain('It is halted by ann: an operator stopped it.')
  expect(halted).toContain('  reason: the bank is back')
  expect(halted).toContain('  ends the halt:\n    inturn resume account/a --expect-position 4')
  const history: StreamHistory = {
    name: 'archive',
    read: async ({ to, epoch }) => [{ domain: 'account', stream: 'a', epoch, sequence: to, data: {} }],
  }
  await seek(world.target, { ...byAnn, to: 1, expectPosition: 4, history })
  expect((await lines(world)).join('\n')).toContain(
    '  ann moved it back from 4, 1970-01-01 00:16:40Z (0 s ago)',
  )
})

test('the worker that has it, the one that makes an attempt, and one that died are told', async () => {
  const world = await worldWith(new OperatorWorld(), 1)
  world.failing.add(2)
  await world.processing.process(events('a', 2))
  const claim = { consumer, worker: 'w7', streams: [path('a')], mode: 'claim', claimMs: 30_000 } as const
  await world.operated.work(claim, async (unit) => {
    const state = unit.streams.get(path('a'))?.state
    if (state?.failing === undefined) throw new Error('it has not failed')
    const failing = { ...state.failing, runningBy: 'w7', retryAt: world.now + 60_000 }
    const none = { hold: [], release: [], decided: [], deadLetters: [], redriven: [], ledger: [] }
    const change = {
      stream: path('a'),
      state: { ...state, failing, quarantine: 3, suspects: 2 },
      ...none,
      deliveries: 0,
      due: {},
    }
    await unit.commit({ streams: [change] })
    const text = (await lines(world)).join('\n')
    expect(text).toContain('  the worker w7 has it now')
    expect(text).toContain('  worker w7 makes an attempt now; if it dies, the next step is due at 1970-01-01')
    expect(text).toContain('  a worker died that may have had it in hand: attempts are kept before')
    expect(text).toContain('(3 deliveries to go; 2 of them under way, now or when a worker died)')
    expect(text).toContain('no worker is reading (none ever was): if it died, its claim ends by itself')
    expect(text).not.toContain('the error:')
  })
})

test('a stream of a domain that begins with a hyphen is named so that no command takes it for a flag', () => {
  expect(argumentWord('-dash/42')).toBe('%2Ddash/42')
  expect(pathsOf(argumentWord('-dash/42'))).toContain('-dash/42')
  expect(argumentWord('account/-42')).toBe('account/-42')
})

test('a stream of any name is one word for a shell', () => {
  expect(shellWord('account/42')).toBe('account/42')
  expect(shellWord("account/it's(1)")).toBe(`'account/it'\\''s(1)'`)
})

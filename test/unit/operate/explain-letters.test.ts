// What is missing is not always what never came: an explanation looks into the dead letters, and says of a
// refused payload what was wrong and which ways there are.
import { expect, test } from 'vitest'
import { contiguous, linked } from '../../../src/core/numbering.ts'
import { explanationLines } from '../../../src/operate/explain-text.ts'
import type { Explanation } from '../../../src/operate/explain.ts'
import { explainStream } from '../../../src/operate/explain.ts'
import { seek } from '../../../src/operate/seek.ts'
import { consumer, event, events } from '../engine/engine-world.ts'
import { byAnn, OperatorWorld } from './operator-world.ts'

async function explained(world: OperatorWorld): Promise<Explanation> {
  const stored = await world.stream('a')
  if (stored === undefined) throw new Error('the stream is not known')
  return explainStream({ reader: world.operated.reader, consumer }, stored, world.target.domains)
}

async function lines(world: OperatorWorld): Promise<readonly string[]> {
  return explanationLines(await explained(world), { hasCommand: () => true })
}

const issues = [
  { message: 'is no number', path: ['sum'] },
  { message: 'is missing', path: ['currency'] },
]
const schemas = {
  '*': {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: unknown) => (value === 'bad' ? { issues } : { value }),
    },
  },
}
const bad = (sequence: number): unknown => event('a', sequence, { data: 'bad' })

test('a stream that is halted over a payload: what is wrong with it, and the ways on', async () => {
  const world = new OperatorWorld({}, { schemas })
  await world.operated.open()
  await world.processing.process([...events('a', 1), bad(2), ...events('a', 3)])
  const refusal = 'schema: the data does not fit: sum: is no number; currency: is missing'
  expect(await lines(world)).toEqual([
    'account/a for consumer billing',
    '',
    'It is halted: its next event, 2, is refused for what it carries.',
    '  since 1970-01-01 00:16:40Z (0 s ago)',
    `  reason: ${refusal}`,
    '  it stands at 1; the next number is 2',
    '  2 events held, in order',
    '',
    'Next: nothing happens by itself; an operator decides.',
    '  no worker is reading (none ever was): until one does, nothing moves and patience stands still',
    '',
    'What moves it:',
    '  checks the event again now, and has it handled if the configuration takes it:',
    '    inturn retry account/a --expect-position 1 --reason "..."',
    '  takes the event out, as a dead letter, and goes on behind it:',
    '    inturn skip account/a --sequence 2 --expect-position 1 --reason "..."',
    '  ends the halt; the event is checked once more:',
    '    inturn resume account/a --expect-position 1 --reason "..."',
    '',
    'Accounts: 1 delivered',
    'Last changed: 1970-01-01 00:16:40Z (0 s ago)',
    'Ledger, the newest last:',
    `  1970-01-01 00:16:40Z  halted 2  by inturn: ${refusal}`,
  ])
})

test('a stream that went on: the newest refused ones, and the line that has them tried again', async () => {
  const world = new OperatorWorld({}, { schemas, failure: { then: 'dead-letter' } })
  await world.operated.open()
  await world.processing.process([1, 2, 3, 4, 5, 6, 7].map(bad))
  const text = await lines(world)
  const at = text.indexOf('Dead letters: 7 schema')
  expect(text.slice(at, at + 9)).toEqual([
    'Dead letters: 7 schema',
    '  the newest of the reason schema:',
    ...[3, 4, 5, 6, 7].map(
      (number) =>
        `  ${number} was refused. schema: the data does not fit: sum: is no number; currency: is missing`,
    ),
    '  once a configuration takes them, has those of the reason schema handled, outside the order:',
    '    inturn dead retry account/a --only schema --reason "..."',
  ])
  expect(text.join('\n')).not.toContain('What moves it:')
  expect(await explained(world)).toMatchObject({
    refusedLetters: [1, 2, 3, 4, 5, 6, 7].map((sequence) => ({ sequence, epoch: 0, reason: 'schema' })),
    actions: [{ command: 'dead', isBeside: true }],
  })
})

test('a gap of which a number is a dead letter: it came, why not in, and what brings it back', async () => {
  const world = new OperatorWorld({ spanMax: 5 })
  await world.operated.open()
  const narrow = world.processor({ numbering: contiguous(), spanMax: 5 })
  await narrow.process([...events('a', 1), event('a', 8, { id: 'far' })])
  await narrow.process(events('a', 2, 3, 4, 6, 9))
  expect((await lines(world)).slice(2, 4)).toEqual([
    'It waits for number 5, which did not come.',
    '  8 came, and is a dead letter (implausible): beyond-span-max',
  ])
  await narrow.process(events('a', 5))
  const text = await lines(world)
  expect(text.slice(2, 5)).toEqual([
    'It waits for numbers 7 to 8 (2 of them), which did not get into it.',
    '  8 came, and is a dead letter (implausible): beyond-span-max',
    '  since 1970-01-01 00:16:40Z (0 s ago)',
  ])
  const action = text.findIndex((line) => line.startsWith('  has the dead letter of 8 read again'))
  expect(text[action + 1]).toBe('    inturn dead retry --key account/a/0/8/far --reason "..."')
})

test('a counter that wraps: a letter that may bear the missing number, and how to say so', async () => {
  const numbering = contiguous({ start: 0, modulus: 8 })
  const world = new OperatorWorld({ numbering })
  await world.operated.open()
  const shown = (n: number): unknown => event('a', n % 8, { id: `e${n}`, data: n === 12 ? new Map() : {} })
  const came = Array.from({ length: 14 }, (_, n) => shown(n))
  await world.processor({ numbering }).process(came)
  const text = await lines(world)
  expect(text[2]).toBe('It waits for number 4 (unwrapped 12), which did not come.')
  expect(text[3]).toMatch(/^ {2}4 \(unwrapped 12\) may have come: a dead letter \(invalid\) bears 4: .*a Map/)
  const action = text.findIndex((line) => line.startsWith('  has the dead letter of 4 (unwrapped 12) read'))
  expect(text[action + 1]).toMatch(/^ {4}inturn dead retry --key \S+ --sequence 12 --reason "\.\.\."$/)
})

test('only a letter that bears a missing number is told, of the same epoch and range', async () => {
  const world = new OperatorWorld({ spanMax: 5 })
  await world.operated.open()
  const narrow = world.processor({ numbering: contiguous(), spanMax: 5 })
  await narrow.process([...events('a', 1), event('a', 2, { epoch: 1 }), event('a', 9)])
  await narrow.process(events('a', 3))
  const [, , first, second] = await lines(world)
  expect([first, second]).toEqual([
    'It waits for number 2, which did not come.',
    '  since 1970-01-01 00:16:40Z (0 s ago)',
  ])
  expect((await explained(world)).missingLetters).toEqual([])
})

test('data that nobody can keep: its dead letter says where in the gap it belongs', async () => {
  const world = new OperatorWorld()
  await world.operated.open()
  await world.processing.process([...events('a', 1), event('a', 2, { data: new Map() }), ...events('a', 3)])
  expect((await lines(world))[3]).toMatch(/^ {2}2 came, and is a dead letter \(invalid\): .*a Map/)
})

test('a number that was sought back over: its dead letter is handled outside the order', async () => {
  const world = new OperatorWorld({}, { schemas, failure: { then: 'dead-letter' } })
  await world.operated.open()
  await world.processing.process([...events('a', 1), bad(2), ...events('a', 3)])
  const last = { domain: 'account', stream: 'a', epoch: 0, sequence: 3, data: {} }
  const history = { name: 'log', read: () => Promise.resolve([last]) }
  await seek(world.target, { ...byAnn, to: 1, expectPosition: 3, history })
  await world.processing.process(events('a', 3))
  const text = await lines(world)
  expect(text[3]).toMatch(/^ {2}2 came, and is a dead letter \(schema\)/)
  expect(text).toContain('  has the dead letter of 2 handled, outside the order; its number stays missing:')
})

test('many are counted; in a chain too, and where a gap halts the stream', async () => {
  const world = new OperatorWorld({ numbering: linked(), gapEnd: 'halt' })
  await world.operated.open()
  const link = (sequence: number, previous: unknown): unknown => event('a', sequence, { previous })
  const torn = Array.from({ length: 7 }, (_, at) => link(at + 3, 'x'))
  await world.processing.process([link(1, null), ...torn, link(12, 10)])
  await world.read(31_000)
  await world.sweep()
  const text = await lines(world)
  const at = text.findIndex((line) => line.startsWith('  missing:'))
  expect(text[at + 1]).toMatch(/^ {2}3 came, and is a dead letter \(invalid\): previous is/)
  expect(text[at + 6]).toBe('  ... and 2 more of them are dead letters')
  expect((await explained(world)).missingLetters).toHaveLength(7)
})

test('what was not believed is told, with what is done about it where its producer has jumped', async () => {
  const world = new OperatorWorld()
  await world.operated.open()
  await world.processing.process([...events('a', 1), event('a', 5_000_000)])
  const text = await lines(world)
  const at = text.indexOf('Dead letters: 1 implausible')
  expect(text.slice(at, at + 3)).toEqual([
    'Dead letters: 1 implausible',
    '  what came with a number too far ahead to be believed (implausible) was not handled',
    '    a corrupt number; or its producer has jumped: then inturn seek up to it, and inturn dead retry',
  ])
})

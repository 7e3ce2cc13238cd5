// Numbers of a counter that wraps, as operators see them: as on the wire, with the unwrapped one beside them,
// in whatever says something of the stream.
import { expect, test } from 'vitest'
import { contiguous } from '../../../src/core/numbering.ts'
import type { StreamRules } from '../../../src/core/rules.ts'
import { explanationLines } from '../../../src/operate/explain-text.ts'
import type { Explanation } from '../../../src/operate/explain.ts'
import { explainStream } from '../../../src/operate/explain.ts'
import { readHealth } from '../../../src/operate/health.ts'
import { skip } from '../../../src/operate/operate-stream.ts'
import { RuledHistory, rulesFor } from '../core/ruled-history.ts'
import { consumer, event } from '../engine/engine-world.ts'
import { byAnn, OperatorWorld } from './operator-world.ts'

const modulus = 16
const numbering = contiguous({ start: 0, modulus })

/** An event by its unwrapped number. */
const wrapped = (number: number, fields: object = {}): unknown =>
  event('a', number % modulus, { id: `e${number}`, ...fields })

class WrappedWorld extends OperatorWorld {
  constructor(rules: Partial<StreamRules> = {}) {
    super({ numbering, ...rules }, { numbering, ...(rules.onReset && { onReset: rules.onReset }) })
  }

  async take(...numbers: readonly number[]): Promise<void> {
    await this.operated.open()
    await this.processing.process(numbers.map((number) => wrapped(number)))
  }

  async explain(): Promise<Explanation> {
    const stored = await this.stream('a')
    if (stored === undefined) throw new Error('the stream is not known')
    return explainStream({ reader: this.operated.reader, consumer }, stored, this.target.domains)
  }

  /** What explain and status say, in words. */
  async words(): Promise<string> {
    const lines = explanationLines(await this.explain(), { hasCommand: () => true })
    const { items } = await readHealth({ reader: this.operated.reader, consumer }, this.target.domains)
    return [...lines, ...items.map(({ detail }) => detail)].join('\n')
  }
}

const shownFields = new Set(['sequence', 'from', 'to', 'expects'])

/** Numbers in an explanation that no wire shows, or that stand without the unwrapped one. */
function unshown(value: unknown, path = ''): readonly string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, field]) => {
    const place = `${path}.${name}`
    if (name === 'unwrapped' || name === 'before') return []
    if (!shownFields.has(name) || typeof field !== 'number') return unshown(field, place)
    const whole: unknown = Reflect.get(value, name === 'expects' ? 'expectsUnwrapped' : 'unwrapped')
    const unwrapped: unknown = typeof whole === 'object' && whole !== null ? Reflect.get(whole, name) : whole
    const isShown = typeof unwrapped === 'number' && unwrapped % modulus === field
    return isShown ? [] : [`${place} ${field}`]
  })
}

const upTo20 = Array.from({ length: 20 }, (_, at) => at)

async function gapped(): Promise<WrappedWorld> {
  const world = new WrappedWorld()
  await world.take(...upTo20, 22, 24)
  await world.processing.process([wrapped(18, { id: 'other' })])
  return world
}

test('a gap, what lies behind it and a conflict', async () => {
  const world = await gapped()
  expect(unshown(await world.explain())).toEqual([])
  const words = await world.words()
  for (const said of [
    'It waits for numbers 4 (unwrapped 20) to 5 (unwrapped 21) (2 of them), which did not come.',
    'behind it there is one more gap: 7 (unwrapped 23)',
    'it stands at 3 (unwrapped 19); the next number is 4 (unwrapped 20)',
    '(conflict), and was not handled: 2 (unwrapped 18)',
    'numbers 4 (unwrapped 20) to 5 (unwrapped 21) did not come; 2 events are held',
  ]) {
    expect(words).toContain(said)
  }
})

test('a failing event, and the ledger of what was done about it', async () => {
  const world = await gapped()
  world.failing.add(20)
  await world.take(20)
  const failing = await world.explain()
  expect(failing.failing).toMatchObject({ sequence: 4, unwrapped: 20 })
  expect(unshown(failing)).toEqual([])
  expect(await world.words()).toContain('Its next event, 4 (unwrapped 20), failed.')
  expect(await world.words()).toContain('event 4 (unwrapped 20): Error: no money')
  await world.failAt(20)
  await skip(world.target, { ...byAnn, sequence: 4 })
  await world.sweep()
  const after = await world.explain()
  expect(unshown(after)).toEqual([])
  expect(after.ledger.map(({ kind, to, unwrapped }) => [kind, to, unwrapped?.to])).toContainEqual([
    'removed',
    4,
    20,
  ])
  expect(await world.words()).toContain('removed 4 (unwrapped 20)  by ann')
})

test('the reason of a halt over a gap', () => {
  const rules = rulesFor({ numbering, gapEnd: 'halt', patienceMs: 0 })
  const history = new RuledHistory(rules)
  const arrive = (number: number): unknown =>
    history.arrive(
      [{ action: { kind: 'event', epoch: 0, sequence: number % modulus, print: number }, index: number }],
      0,
    )
  for (const number of [...upTo20, 22]) arrive(number)
  history.endHeadGap(0)
  expect(history.state.halt?.reason).toContain('numbers 4 (unwrapped 20) to 5 (unwrapped 21) did not come')
})

test('a producer that counts again', async () => {
  const world = new WrappedWorld({ onReset: 'halt' })
  const time = (second: number): string => new Date(second * 1_000).toISOString()
  await world.operated.open()
  await world.processing.process(upTo20.map((number) => wrapped(number, { time: time(number) })))
  await world.processing.process([wrapped(17, { time: time(500) }), wrapped(18, { time: time(501) })])
  const about = await world.explain()
  expect(about.restart).toMatchObject({ from: 1, to: 2, unwrapped: { from: 17, to: 18 } })
  expect(unshown(about)).toEqual([])
  expect(await world.words()).toContain('numbers 1 (unwrapped 17) to 2 (unwrapped 18) came once more')
  expect(about.halt?.reason).toContain('with number 1 (unwrapped 17)')
})

// Histories that wander forwards as real streams do: numbers near a moving front, repeated, missing, of older
// and newer epochs, with fills, and gaps that are given up.
import fc from 'fast-check'

export interface RandomEvent {
  readonly kind: 'event'
  readonly epoch: number
  readonly sequence: number
  /**
   * How far below its number a linked event's predecessor lies; 0 is none, negative is no `previous` at all.
   */
  readonly back: number
  readonly print: number
}

interface RandomFill {
  readonly kind: 'fill'
  readonly epoch: number
  readonly from: number
  readonly to: number
}

export type RandomAction = RandomEvent | RandomFill | { readonly kind: 'gap-end' }

export interface Shape {
  /** Numbers wrap here, but for a few that lie outside. */
  readonly modulus?: number | undefined
  readonly withFills: boolean
}

/** How far an epoch is from the one that most numbers have. */
const step = fc.oneof(
  { weight: 14, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.constant(1) },
  { weight: 2, arbitrary: fc.integer({ min: -2, max: 3 }) },
)

/** Up to 80 things that happen to one stream. */
export function randomHistory({ modulus, withFills }: Shape): fc.Arbitrary<RandomAction[]> {
  const offset = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: -2, max: 3 }) },
    { weight: 1, arbitrary: fc.integer({ min: -8, max: 12 }) },
  )
  const back = fc.constantFrom(1, 1, 1, 1, 2, 2, 3, 5, 0, -1)
  const event = fc.record({ step, offset, back, print: fc.constantFrom(1, 1, 1, 1, 1, 2) })
  const fill = fc.record({ step, offset, width: fc.integer({ min: -1, max: 5 }) })
  const action = fc.oneof(
    { weight: 16, arbitrary: event.map((one) => ({ kind: 'event', ...one }) as const) },
    { weight: withFills ? 2 : 0, arbitrary: fill.map((one) => ({ kind: 'fill', ...one }) as const) },
    { weight: 2, arbitrary: fc.constant({ kind: 'gap-end' } as const) },
  )
  const wrapped = (n: number): number => (modulus === undefined || n < 0 ? n : n % modulus)
  const pace = fc.record({ numbers: fc.constantFrom(2, 4, 6), epochs: fc.constantFrom(1, 15, 40, 100) })
  return fc.tuple(pace, fc.array(action, { maxLength: 80, size: 'max' })).map(([per, list]) =>
    list.map((one, index): RandomAction => {
      if (one.kind === 'gap-end') return one
      const epoch = Math.max(0, Math.floor(index / per.epochs) + one.step)
      const number = Math.floor((index % per.epochs) / per.numbers) + one.offset
      if (one.kind === 'fill') {
        return { kind: 'fill', epoch, from: wrapped(number), to: wrapped(number + one.width) }
      }
      return { kind: 'event', epoch, sequence: wrapped(number), back: one.back, print: one.print }
    }),
  )
}

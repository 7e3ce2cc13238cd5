// Whatever is thrown can be made text and asked about, within a limit.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BelowRetention } from '../../../src/core/append-errors.ts'
import { InturnError } from '../../../src/core/errors.ts'
import {
  errorClass,
  errorCode,
  errorMessage,
  errorText,
  fieldOf,
  isInstance,
} from '../../../src/core/thrown.ts'
import { failureOf, NotConnectedError } from '../../../src/redis/faults.ts'
import { faultOf } from '../../../src/stores/sqlite/faults.ts'
import { hostileValues } from './hostile-values.ts'

/** What an error has to answer, asked of a value that is none of those it is asked for. */
function answersOf(thrown: unknown): Readonly<Record<string, unknown>> {
  const [text, message] = [errorText(thrown), errorMessage(thrown)]
  return {
    isShort: text.length <= 500 && message.length <= 8_000,
    isWellFormed: text.isWellFormed() && message.isWellFormed(),
    code: typeof errorCode(thrown),
    className: typeof errorClass(thrown),
    isOurs: thrown instanceof InturnError,
    isAnother: isInstance(thrown, WeakRef),
    errcode: fieldOf(thrown, 'errcode'),
    ofSqlite: faultOf(thrown, 'file'),
    ofRedis: failureOf(thrown, { name: 'store', code: 'store-unavailable' }).error.code,
    isWrapped: new NotConnectedError(thrown) instanceof Error,
  }
}

const answers = {
  isShort: true,
  isWellFormed: true,
  code: 'string',
  className: 'string',
  isOurs: false,
  isAnother: false,
  errcode: undefined,
  ofSqlite: undefined,
  ofRedis: 'store-unavailable',
  isWrapped: true,
}

describe('whatever is thrown', () => {
  it.each(hostileValues)('%s has a text, and answers what it is asked', (_name, make) => {
    expect(answersOf(make())).toEqual(answers)
  })

  it('any value at all has a text, thrown by itself, as a message or as a name', () => {
    const value = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withSparseArray: true,
      withTypedArray: true,
    })
    fc.assert(
      fc.property(value, fc.constantFrom('message', 'name', 'code'), (thrown, name) => {
        expect(answersOf(thrown)).toEqual(answers)
        expect(answersOf(Object.defineProperty(new Error('as it was'), name, { value: thrown }))).toEqual(
          answers,
        )
      }),
    )
  })

  it('an ordinary error is told by its name and message', () => {
    expect(errorText(new TypeError('no'))).toBe('TypeError: no')
    expect(errorMessage(new TypeError('no'))).toBe('no')
    expect(errorText('plain')).toBe('plain')
    expect(errorText({ message: 'from elsewhere' })).toBe('from elsewhere')
  })
})

describe('what is an error of ours', () => {
  it('is known by how it was made, each class apart', () => {
    const plain: unknown = new InturnError('usage', 'no')
    const below: unknown = new BelowRetention('log', { asked: 1, first: 2 })
    expect([plain instanceof InturnError, plain instanceof BelowRetention]).toEqual([true, false])
    expect([below instanceof InturnError, below instanceof BelowRetention]).toEqual([true, true])
    expect(below instanceof Error).toBe(true)
    const likeness: unknown = Object.create(InturnError.prototype)
    expect(likeness instanceof InturnError).toBe(false)
  })
})

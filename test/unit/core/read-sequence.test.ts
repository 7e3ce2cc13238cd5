// What is a number, and what is none: never defaulted, never rounded.
import { describe, expect, test } from 'vitest'
import { readEpoch, readSequence } from '../../../src/core/read-sequence.ts'

const unsafe = Number.MAX_SAFE_INTEGER + 1

test('an epoch is a whole number from 0 on, however it is written', () => {
  expect([undefined, 0, -0, '0', '-0', '007', 3n].map(readEpoch)).toEqual([0, 0, 0, 0, 0, 7, 3])
  expect([-1, '-1', -5n].map(readEpoch)).toEqual(['below-zero', 'below-zero', 'below-zero'])
  expect([null, '', '+1', -0.5, unsafe].map(readEpoch)).toEqual([
    'missing',
    'not-an-integer',
    'not-an-integer',
    'not-an-integer',
    'beyond-safe-integer',
  ])
})

describe('a sequence', () => {
  test.each([
    [0, 0],
    [-0, 0],
    [-7, -7],
    ['007', 7],
    ['9007199254740991', 9_007_199_254_740_991],
    [12n, 12],
  ])('%s is read', (value, sequence) => {
    expect(Object.is(readSequence(value, { big: false }), sequence)).toBe(true)
  })

  test.each([
    [undefined, 'missing'],
    [null, 'missing'],
    ['', 'not-an-integer'],
    [' 1', 'not-an-integer'],
    ['1.0', 'not-an-integer'],
    ['-1', 'not-an-integer'],
    ['+1', 'not-an-integer'],
    ['1e3', 'not-an-integer'],
    ['٣', 'not-an-integer'],
    [1.5, 'not-an-integer'],
    [Number.NaN, 'not-an-integer'],
    [Number.POSITIVE_INFINITY, 'not-an-integer'],
    [true, 'not-an-integer'],
    [{}, 'not-an-integer'],
    [[1], 'not-an-integer'],
    [unsafe, 'beyond-safe-integer'],
    ['9007199254740992', 'beyond-safe-integer'],
    [2n ** 60n, 'beyond-safe-integer'],
  ])('%s is none', (value, problem) => {
    expect(readSequence(value, { big: false })).toBe(problem)
  })

  test('where bigint is in use, digits beyond 2^53 - 1 are exact, and rounded numbers still refused', () => {
    expect(readSequence('18446744073709551615', { big: true })).toBe(18_446_744_073_709_551_615n)
    expect(readSequence('0000000000000000000005', { big: true })).toBe(5)
    expect(readSequence(unsafe, { big: true })).toBe('beyond-safe-integer')
  })

  test('of a counter that goes below zero may have digits behind a minus', () => {
    expect(readSequence('-5', { big: false, signed: true })).toBe(-5)
    expect(readSequence('-005', { big: false, signed: true })).toBe(-5)
    expect(Object.is(readSequence('-0', { big: false, signed: true }), 0)).toBe(true)
    expect(readSequence('-9007199254740992', { big: false, signed: true })).toBe('beyond-safe-integer')
    expect(readSequence('--5', { big: false, signed: true })).toBe('not-an-integer')
  })

  test('has a limit of 128 bits, and a million digits are never made a number of', () => {
    const most = 2n ** 127n - 1n
    expect(readSequence(String(most), { big: true })).toBe(most)
    expect(readSequence(most + 1n, { big: true })).toBe('beyond-128-bits')
    expect(readSequence(String(most + 1n), { big: true })).toBe('beyond-128-bits')
    expect(readSequence(String(-most - 1n), { big: true, signed: true })).toBe('beyond-128-bits')
    expect(readSequence('9'.repeat(1_000_000), { big: true })).toBe('beyond-128-bits')
    expect(readSequence('9'.repeat(1_000_000), { big: false })).toBe('beyond-safe-integer')
    expect(readSequence(`${'0'.repeat(1_000_000)}7`, { big: true })).toBe(7)
  })
})

describe('an epoch', () => {
  test('is 0 only where there is none', () => {
    expect(readEpoch(undefined)).toBe(0)
    expect(readEpoch(null)).toBe('missing')
    expect(readEpoch('3')).toBe(3)
    expect(readEpoch('x')).toBe('not-an-integer')
    expect(readEpoch(2n ** 60n)).toBe('beyond-safe-integer')
  })
})

// I7: what a worker says stays readable: a stream's failure is told once, and streams that fail by the
// thousand are counted instead of listed.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { RunReport } from '../../../src/cli/run-report.ts'
import { InturnError } from '../../../src/core/errors.ts'

const said: string[] = []

/** An error as handlers throw it, with two calls in its stack. */
function errorOf(message: string): Error {
  const error = new Error(message)
  error.stack = `Error: ${message}\n    at charge (bank.ts:12:7)\n    at handle (billing.ts:3:1)`
  return error
}

const failure = errorOf('x')

beforeEach(() => {
  said.length = 0
  vi.useFakeTimers({ toFake: ['performance'] })
  vi.spyOn(console, 'error').mockImplementation((text: string) => void said.push(text))
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** Without the stacks. */
function lines(): readonly string[] {
  return said.filter((line) => line.startsWith('inturn: '))
}

function failed(stream: string, attempts: number, then: 'retry' | 'halt' | 'dead-letter' = 'retry'): void {
  report.tell({ kind: 'failed', stream, sequence: 5, attempts, error: failure, then })
}

let report: RunReport
beforeEach(() => {
  report = new RunReport()
})

describe('a failing stream', () => {
  test('is told at its first failure and at its end', () => {
    for (let attempt = 1; attempt < 5; attempt++) failed('account/a', attempt)
    failed('account/a', 5, 'halt')
    const stack = ['    at charge (bank.ts:12:7)', '    at handle (billing.ts:3:1)']
    expect(said).toEqual([
      'inturn: account/a: event 5 failed and is tried again: Error: x',
      ...stack,
      'inturn: account/a: event 5 failed at attempt 5 and its stream is halted: Error: x',
      ...stack,
    ])
    expect(report.summary()).toBe('0 events in 0 s: 1 halt')
  })

  test('among thousands is counted', () => {
    for (let stream = 0; stream < 1_000; stream++) failed(`account/${stream}`, 1)
    expect(lines()).toHaveLength(20)
    vi.advanceTimersByTime(11_000)
    failed('account/late', 1)
    expect(lines().slice(20)).toEqual([
      'inturn: ... and 980 more lines about streams (inturn status)',
      'inturn: account/late: event 5 failed and is tried again: Error: x',
    ])
  })
})

describe('what else happens', () => {
  test('a number that a handler gets rounded, with what to do', () => {
    const event = { domain: 'account', stream: 'account/a', sequence: 5, place: 'data.cents' }
    report.tell({ kind: 'inexact', ...event })
    expect(said).toEqual([
      'inturn: account/a: event 5 has a number at data.cents that no JavaScript number holds: ' +
        'handlers of account get such numbers rounded, unless it sets exactNumbers',
    ])
  })

  test('store and source that fail, with the time of the next try, and recover', () => {
    const cause = errorOf('the file is taken')
    const error = new InturnError('store-unavailable', 'billing.db is locked', { retryable: true, cause })
    report.tell({ kind: 'store-failed', error, retryInMs: 2_300 })
    report.tell({ kind: 'source-failed', error, retryInMs: 100 })
    report.tell({ kind: 'recovered' })
    expect(said, 'the first stack tells it all').toContain('    caused by Error: the file is taken')
    expect(said.filter((line) => line.includes('caused by'))).toHaveLength(1)
    expect(lines()).toEqual([
      'inturn: the store failed, next try in 2 s: billing.db is locked',
      'inturn: the source failed, next try in 0.1 s: billing.db is locked',
      'inturn: store and source work again',
    ])
  })

  test('is summed up at the end', () => {
    report.tell({ kind: 'batch', events: 1_500, verdicts: { deliver: 1_400, duplicate: 100 } })
    report.tell({ kind: 'batch', events: 2, verdicts: { deliver: 2 } })
    report.tell({ kind: 'lost', stream: 'account/a', epoch: 0, from: 2, to: 3 })
    report.tell({ kind: 'dead-letter', reason: 'invalid', detail: 'no JSON' })
    vi.advanceTimersByTime(61_000)
    expect(report.summary()).toBe(
      '1,502 events in 1 min 1 s: 1,402 deliver, 100 duplicate, 1 gap given up, 1 dead letter',
    )
    expect(said).toEqual([
      'inturn: account/a: numbers 2 to 3 are given up as lost',
      'inturn: a message is a dead letter now, invalid: no JSON',
    ])
  })

  test('tells what healing came to, range by range, and sums it up', () => {
    const place = { stream: 'account/a', epoch: 0, attempt: 2 }
    report.tell({ kind: 'healing', ...place, from: 2, to: 5 })
    report.tell({ kind: 'healed', ...place, from: 2, to: 5, came: 4, tookMs: 5 })
    report.tell({
      kind: 'healed',
      ...place,
      from: null,
      to: 9,
      came: 0,
      tookMs: 5,
      error: errorOf('log took longer'),
    })
    report.tell({ kind: 'healed', ...place, from: 7, to: 7, came: 0, tookMs: 5 })
    expect(lines()).toEqual([
      'inturn: account/a: numbers 2 to 5 asked for (attempt 2), 4 came',
      'inturn: account/a: numbers ? to 9 asked for (attempt 2), none came: Error: log took longer',
      'inturn: account/a: number 7 asked for (attempt 2), none came',
    ])
    expect(report.summary()).toContain('4 events healed')
  })
})

test('what a worker reads is told when it is something else, and a long list is cut', () => {
  const tell = (...names: readonly string[]): void => {
    report.tell({ kind: 'source-parts', parts: names.map((name) => ({ name, behind: 3 })) })
  }
  tell()
  expect(said).toEqual([])
  tell('a[0]', 'a[1]')
  tell('a[0]', 'a[1]')
  tell(...Array.from({ length: 22 }, (_, index) => `a[${index}]`))
  tell()
  expect(said).toEqual([
    'inturn: reads a[0], a[1]',
    expect.stringMatching(/^inturn: reads a\[0\], .*, a\[19\], and 2 more$/),
    'inturn: reads nothing: others have all parts of the source',
  ])
})

// Warnings reach whoever wants them, or the process; what hears them disturbs nothing.
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { warningsTo } from '../../../src/ports/warnings.ts'

test('a warning is told; one who throws or gives a promise that is rejected is not heard of', async () => {
  const told: string[] = []
  const hear = warningsTo((message) => void told.push(message))
  hear('the disk is slow')
  expect(told).toEqual(['the disk is slow'])
  const throwing = warningsTo(() => {
    throw new Error('deaf')
  })
  throwing('once')
  const unheard: unknown[] = []
  const note = (reason: unknown): void => void unheard.push(reason)
  process.on('unhandledRejection', note)
  const rejecting = warningsTo(() => Promise.reject(new Error('deaf, later')))
  rejecting('twice')
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', note)
  expect(unheard).toEqual([])
})

test('where nobody asks for it the process warns', async () => {
  const warned = once(process, 'warning')
  warningsTo(undefined)('the disk is slow')
  const [warning] = (await warned) as [Error]
  expect([warning.name, warning.message]).toEqual(['InturnWarning', 'the disk is slow'])
})

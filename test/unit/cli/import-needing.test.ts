// A package that is not installed is named with what to do; any other failure stays what it is.
import { expect, test } from 'vitest'
import { importNeeding } from '../../../src/cli/import-needing.ts'

function failing(message: string): () => Promise<never> {
  const error = Object.assign(new Error(message), { code: 'ERR_MODULE_NOT_FOUND' })
  return () => Promise.reject(error)
}

test('a missing package is told with the line that installs it', async () => {
  await expect(
    importNeeding('redis', failing("Cannot find package 'redis' imported from a")),
  ).rejects.toMatchObject({
    code: 'usage',
    message: 'this needs the package redis, which is not installed: npm install redis',
  })
})

test('what is there is given, and what else is missing is told as it is', async () => {
  expect(await importNeeding('redis', () => Promise.resolve({ a: 1 }))).toEqual({ a: 1 })
  const other = failing("Cannot find package 'lru' imported from redis")
  await expect(importNeeding('redis', other)).rejects.toThrow("Cannot find package 'lru'")
})

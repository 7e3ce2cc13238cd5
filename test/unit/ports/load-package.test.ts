// A package that is not installed, or cannot be loaded, is named with what to do.
import { expect, test } from 'vitest'
import { loadPackage } from '../../../src/ports/load-package.ts'

function failing(message: string): () => Promise<never> {
  const error = Object.assign(new Error(message), { code: 'ERR_MODULE_NOT_FOUND' })
  return () => Promise.reject(error)
}

test('a missing package is told with the line that installs it', async () => {
  await expect(
    loadPackage('redis', failing("Cannot find package 'redis' imported from a")),
  ).rejects.toMatchObject({
    code: 'config-invalid',
    message: 'this needs the package redis, which is not installed: npm install redis',
  })
})

test('what is there is given; what else is missing is told, with advice for bundles', async () => {
  expect(await loadPackage('redis', () => Promise.resolve({ a: 1 }))).toEqual({ a: 1 })
  const other = failing("Cannot find package 'lru' imported from redis")
  const why = /the package redis cannot be loaded: Cannot find package 'lru' .*bundled: .*external/
  await expect(loadPackage('redis', other)).rejects.toThrow(why)
})

test('where not every version will do, the line has the version', async () => {
  const missing = failing("Cannot find package '@platformatic/kafka' imported from a")
  await expect(loadPackage('@platformatic/kafka', missing, '2.12')).rejects.toThrow(
    'the package @platformatic/kafka, which is not installed: npm install @platformatic/kafka@2.12',
  )
})

// What the command line says of what is not its own: warnings of adaptors, and packages that are missing.
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TestFolder } from './run-inturn.ts'
import { inturn, sourceUrl, testFolder } from './run-inturn.ts'

let folder: TestFolder
const options = process.env['NODE_OPTIONS']

beforeEach(() => {
  folder = testFolder()
})

afterEach(() => {
  if (options === undefined) delete process.env['NODE_OPTIONS']
  else process.env['NODE_OPTIONS'] = options
  folder.remove()
})

const rules = `
  source: fileSource('events.ndjson'),
  domains: { account: { numbering: contiguous(), effects: 'external', handle: () => undefined } },
`

/** A configuration with this store, and lines of its own in front. */
function configWith(store: string, ...lines: readonly string[]): void {
  folder.write('events.ndjson', '')
  folder.write(
    'inturn.config.ts',
    [
      `import { contiguous, defineConfig } from ${sourceUrl('index.ts')}`,
      `import { memoryStore } from ${sourceUrl('stores/memory.ts')}`,
      `import { fileSource } from ${sourceUrl('transports/file.ts')}`,
      ...lines,
      `export default defineConfig({ consumer: 'billing', store: ${store}, ${rules} })`,
    ].join('\n'),
  )
}

/** Commands that are started do not find a package, as if it were not installed. */
function hide(name: string): void {
  const message = `"Cannot find package '${name}' imported from " + context.parentURL`
  const hook = `import { registerHooks } from 'node:module'
    registerHooks({ resolve(specifier, context, next) {
      if (specifier !== '${name}') return next(specifier, context)
      throw Object.assign(new Error(${message}), { code: 'ERR_MODULE_NOT_FOUND' })
    } })`
  process.env['NODE_OPTIONS'] = `--import=data:text/javascript,${encodeURIComponent(hook)}`
}

test("inturn's warnings are lines like all others, and those of others are node's", async () => {
  configWith(
    'memoryStore()',
    "process.emitWarning('the server\\nforgets', 'InturnWarning')",
    "process.emitWarning('something else', 'OtherWarning')",
  )
  const { code, stderr } = await inturn(folder.path, 'run', '--until', 'caught-up')
  expect(code, stderr).toBe(0)
  expect(stderr.split('\n')).toContain('inturn: warning: the server\\nforgets')
  expect(stderr).not.toContain('InturnWarning')
  expect(stderr).toMatch(/^\(node:\d+\) OtherWarning: something else$/m)
})

test('a store on Redis without the package redis says what to install', async () => {
  hide('redis')
  configWith("redisStore('redis://localhost')", `import { redisStore } from ${sourceUrl('stores/redis.ts')}`)
  const { code, stderr } = await inturn(folder.path, 'run')
  expect(stderr.trim().split('\n').at(-1)).toBe(
    'inturn: this needs the package redis, which is not installed: npm install redis',
  )
  expect(code).toBe(2)
})

test('a log on Redis without the package redis says so too', async () => {
  hide('redis')
  const log = `import { redisEventLog } from ${sourceUrl('stores/redis.ts')}`
  folder.write('log.ts', `${log}\nexport const log = redisEventLog('redis://localhost')`)
  const event = { domain: 'account', stream: 'a', id: '1', type: 'opened', data: {} }
  folder.write('events.ndjson', JSON.stringify(event))
  const says = 'inturn: this needs the package redis, which is not installed: npm install redis\n'
  const byUrl = await inturn(folder.path, 'append', 'events.ndjson', '--log', 'redis://localhost')
  expect([byUrl.code, byUrl.stderr]).toEqual([2, says])
  const exported = await inturn(folder.path, 'read', '--all', '--config', 'log.ts')
  expect([exported.code, exported.stderr]).toEqual([2, says])
})

test.each([
  ['status', '--store', 'http://user:hunter2@host'],
  ['status', '--store', 'redis://user:hunter2@127.0.0.1:2'],
  ['status', '--store', 'redis://user:hunter2@host:port'],
  ['status', '--stroe=redis://user:hunter2@host'],
  ['status', 'redis://user:hunter2@host'],
  ['status', '--config', 'redis://user:hunter2@host/inturn.config.ts'],
  ['read', '--log', 'http://user:hunter2@host'],
  ['audit', 'http://user:hunter2@host/log.ndjson'],
  ['import', 'positions', '--from', 'redis:p:*', '--domain', 'd', '--redis', 'http://user:hunter2@host'],
  ['status', '--store', 'user:hunter2@host'],
  ['status', '--store', 'redis:user:hunter2@host'],
  ['status', '--store', 'sqlite://user:hunter2@x.db'],
  ['status', '--stroe=user:hunter2@host'],
  ['status', '--config', 'user:hunter2@host/inturn.config.ts'],
  ['read', '--log', 'postgres:/user:hunter2@host'],
  ['audit', 'user:hunter2@host/log.ndjson'],
  ['relay', '--config', 'user:hunter2@host/inturn.relay.ts'],
  ['user:hunter2@host'],
  ['import', 'positions', '--from', 'user:hunter2@host:*', '--domain', 'd'],
])('a password that was typed is not said: inturn %s %s %s', async (...typed) => {
  const { code, stdout, stderr } = await inturn(folder.path, ...typed)
  expect(code).not.toBe(0)
  expect(stderr).not.toBe('')
  expect(`${stdout}${stderr}`).not.toContain('hunter2')
})

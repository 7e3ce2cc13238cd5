// The function of the deployment guide, called as a platform calls it: one call after another, with a new
// process in between that knows nothing of the one before.
import { once } from 'node:events'
import { symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRedis } from '../../services/redis-server.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { codeBlocks, root } from './marked-code.ts'
import { UserFolder } from './user-folder.ts'

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

/** Calls the function with each list of sequences, and prints what it answers. */
const platform = `
  import { handler } from './function.ts'
  const own = { domain: 'account', stream: 'a', type: 't', data: {} }
  const event = (sequence) => ({ ...own, sequence, id: 'e' + sequence })
  for (const sequences of JSON.parse(process.argv[2])) {
    const Records = sequences.map((sequence) => ({ body: JSON.stringify(event(sequence)) }))
    console.log(JSON.stringify(await handler({ Records })))
  }
  process.exit()
`

test('the function of the guide takes events over calls and processes, each once', async () => {
  using folder = new UserFolder()
  const keys: string[] = []
  const api = createServer((request, response) => {
    keys.push(String(request.headers['idempotency-key']))
    response.end()
  }).listen(0, '127.0.0.1')
  await once(api, 'listening')
  const { port } = api.address() as AddressInfo
  const code = codeBlocks('docs/guide/deployment.md').find((block) => block.code.includes('{ Records = [] }'))
  const here = code?.code
    .replace('redis://localhost:6379', redis.url)
    .replace('https://api.example.com', `http://127.0.0.1:${port}`)
  writeFileSync(join(folder.path, 'function.ts'), here ?? '')
  writeFileSync(join(folder.path, 'platform.ts'), platform)
  symlinkSync(join(root, 'node_modules', 'redis'), join(folder.path, 'node_modules', 'redis'), 'junction')
  const call = async (...calls: number[][]): Promise<unknown[]> => {
    const { stdout, stderr } = await folder.node('platform.ts', JSON.stringify(calls))
    expect(stderr).toBe('')
    return stdout
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line))
  }
  expect(await call([1], [3], [])).toEqual([['deliver'], ['hold'], []])
  expect(await call([2, 3], [1])).toEqual([['deliver', 'duplicate'], ['duplicate']])
  api.close()
  expect(keys).toEqual([1, 2, 3].map((sequence) => `billing/account/a/0/${sequence}`))
})

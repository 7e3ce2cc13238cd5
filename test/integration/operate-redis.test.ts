// An operator's commands beside a worker that runs over Redis, and positions that come over from a tracker's
// keys. I3, I5.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { TestClient } from '../conformance/stores/redis-fixture.ts'
import { connectedClient, ownPrefix } from '../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../services/redis-server.ts'
import { startRedis } from '../services/redis-server.ts'
import { command, operatorLaws, told } from './operator-laws.ts'
import { sourceUrl } from './run-inturn.ts'

let server: RedisServer
let client: TestClient
let prefix: string

beforeAll(async () => {
  server = await startRedis()
  client = await connectedClient(server.url)
})
beforeEach(() => {
  prefix = ownPrefix()
})
afterAll(async () => {
  client.destroy()
  await server.stop()
})

operatorLaws(() => ({
  imports: `import { redisStore } from ${sourceUrl('stores/redis.ts')}`,
  store: `redisStore('${server.url}', { prefix: '${prefix}', onWarning: () => {} })`,
  effects: 'external',
  effect: "appendFileSync('handled', stream + ':' + sequence + '\\n')",
}))

test('positions are imported from the keys of a tracker', async () => {
  const own = `${prefix}:pos[1]:`
  const others = [`${prefix}:pos1:x`, '5']
  const keys = { x: '41', 'y/z': '007', bad: 'no', '': '3' }
  for (const [name, value] of Object.entries(keys)) await client.sendCommand(['SET', `${own}${name}`, value])
  await client.sendCommand(['SET', ...others])
  await client.sendCommand(['RPUSH', `${own}list`, '1'])
  await client.sendCommand(['SET', `${own}${'ä'.repeat(257)}`, '6'])
  for (const odd of ['M\xfcller', 'M\xf6ller'])
    await client.sendCommand(['SET', Buffer.from(`${own}${odd}`, 'latin1'), '6'])
  const imported = ['import', 'positions', `redis:${own}*`, '--redis', server.url, '--reason', 'move']
  expect(told(await command(...imported))).toMatch(/^2: .*--domain/s)
  const ran = await command(...imported, '--domain', 'account')
  expect(ran).toMatchObject({ code: 1 })
  expect(ran.stdout).toContain('2 positions imported, 6 refused')
  expect(ran.stdout).toContain('514 bytes, more than 512')
  expect(ran.stdout.match(/: not-utf-8/g)).toHaveLength(2)
  expect(ran.stdout).toContain(`key ${own}bad: position-not-an-integer`)
  expect(ran.stdout).toContain(`key ${own}list: its value is no text`)
  expect(ran.stdout).toContain(`key ${own}: it names no stream`)
  expect((await command('explain', 'account/y%2Fz')).stdout).toContain('it stands at 7')
  const two = await command('import', 'positions', 'redis:a*b*', '--domain', 'account', '--reason', 'x')
  expect(told(two)).toMatch(/^2: .*one \*/s)
  const away = [...imported, '--domain', 'account', '--redis', 'redis://127.0.0.1:1']
  expect(told(await command(...away))).toMatch(/^2: .*redis 127.0.0.1:1 cannot be read/s)
  const none = ['import', 'positions', `redis:${prefix}:none:*`, '--domain', 'account', '--reason', 'x']
  const nothing = told(await command(...none, '--redis', server.url))
  expect(nothing).toMatch(/^2: .*has no key/s)
  expect(nothing).toContain(`${prefix}:none:*`)
  expect(told(await command('verify'))).toContain('0: ')
})

test('a node of a cluster is no tracker, as others have keys as well', async () => {
  const node = await startRedis(['--cluster-enabled', 'yes'])
  try {
    const from = ['import', 'positions', 'redis:pos:*', '--redis', node.url, '--domain', 'account']
    const text = told(await command(...from, '--reason', 'x'))
    expect(text).toMatch(/^2: .*it is a node of a cluster/)
  } finally {
    await node.stop()
  }
})

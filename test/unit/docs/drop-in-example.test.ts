// The drop-in example loses nothing on inturn, and prints what its page says it prints.
import { cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { codeBlocks, root } from './marked-code.ts'
import { UserFolder } from './user-folder.ts'

afterEach(() => vi.unstubAllEnvs())

function dropIn(): UserFolder {
  const folder = new UserFolder()
  cpSync(join(root, 'examples', 'drop-in'), folder.path, { recursive: true })
  symlinkSync(join(root, 'node_modules', 'redis'), join(folder.path, 'node_modules', 'redis'), 'junction')
  return folder
}

test('a hand-rolled tracker loses and doubles where inturn, with its positions, does neither', async () => {
  using folder = dropIn()
  vi.stubEnv('REDIS_URL', process.env['INTURN_TEST_REDIS_URL'])
  const shown = codeBlocks('examples/drop-in/README.md').find(({ language }) => language === 'text')
  const ended = await folder.node('compare.ts')
  expect(ended, ended.stderr).toMatchObject({ exitCode: 0, stdout: shown?.code })
})

test('without a Redis server it says what to do', async () => {
  using folder = dropIn()
  vi.stubEnv('REDIS_URL', undefined)
  vi.stubEnv('PATH', '')
  const stderr = 'there is no redis-server here: install it, or name a server, REDIS_URL=redis://host:6379\n'
  expect(await folder.node('compare.ts')).toEqual({ exitCode: 1, stdout: '', stderr })
})

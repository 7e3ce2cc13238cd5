// The example of the event log prints what its page says it prints.
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { codeBlocks, root } from './marked-code.ts'
import { UserFolder } from './user-folder.ts'

test('the account is appended to, conflicts, is retried and read back as its page shows', async () => {
  using folder = new UserFolder()
  const filter = (source: string): boolean => !source.includes('bank.db')
  cpSync(join(root, 'examples', 'event-log'), folder.path, { recursive: true, filter })
  const shown = codeBlocks('examples/event-log/README.md').find(({ language }) => language === 'text')
  expect(await folder.node('account.ts')).toMatchObject({ exitCode: 0, stdout: shown?.code })
  const { stdout } = await folder.inturn('read', 'account/ann', '--log', 'bank.db', '--json')
  expect(stdout.trim().split('\n').length).toBe(2)
})

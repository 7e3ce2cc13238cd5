// The example of the bank on Postgres books every payment once, however many workers run at the same time
// (I2).
import { cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { freshDatabase } from '../../services/shared-postgres.ts'
import { root } from './marked-code.ts'
import { UserFolder } from './user-folder.ts'

function workplace(): UserFolder {
  const folder = new UserFolder()
  cpSync(join(root, 'examples', 'bank-postgres'), folder.path, { recursive: true })
  symlinkSync(join(root, 'node_modules', 'pg'), join(folder.path, 'node_modules', 'pg'), 'junction')
  return folder
}

test('two workers that get the same payments book each once, and hold what is not in turn', async () => {
  const database = await freshDatabase()
  process.env['DATABASE_URL'] = database.url
  const client = new Client({ connectionString: database.url })
  await client.connect()
  using first = workplace()
  using second = workplace()
  try {
    const run = (folder: UserFolder) => folder.inturn('run', '--until', 'caught-up')
    // Bob's payment 3 waits: whoever holds it ends with 1.
    for (const { exitCode, stderr } of await Promise.all([run(first), run(second)])) {
      expect([0, 1], stderr).toContain(exitCode)
    }
    const { rows } = await client.query('SELECT name, balance::int FROM account ORDER BY name')
    expect(rows).toEqual([
      { name: 'alice', balance: 120 },
      { name: 'bob', balance: 50 },
    ])
    expect((await first.inturn('explain', 'account/bob')).stdout).toContain('it stands at 1')
    expect(await first.inturn('verify')).toMatchObject({ exitCode: 0 })
  } finally {
    delete process.env['DATABASE_URL']
    await client.end()
    await database.drop()
  }
})

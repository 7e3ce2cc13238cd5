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
  for (const name of ['pg', 'drizzle-orm', 'kysely']) {
    symlinkSync(join(root, 'node_modules', name), join(folder.path, 'node_modules', name), 'junction')
  }
  return folder
}

const law = 'two workers that get the same payments book each once, and hold what is not in turn'
const configs = ['inturn.config.ts', 'drizzle.inturn.config.ts', 'kysely.inturn.config.ts']

test.each(configs)(`%s: ${law}`, async (config) => {
  const database = await freshDatabase()
  process.env['DATABASE_URL'] = database.url
  const client = new Client({ connectionString: database.url })
  await client.connect()
  using first = workplace()
  using second = workplace()
  try {
    const run = (folder: UserFolder) => folder.inturn('run', '--until', 'caught-up', '--config', config)
    // Bob's payment 3 waits: whoever holds it ends with 1.
    // One that comes when the other has ended goes on behind what that one has read.
    for (const { stderr } of await Promise.all([run(first), run(second)])) {
      expect(stderr).toMatch(/ended after [0-7] events/)
    }
    const { rows } = await client.query('SELECT name, balance::int FROM account ORDER BY name')
    expect(rows).toEqual([
      { name: 'alice', balance: 120 },
      { name: 'bob', balance: 50 },
    ])
    expect((await first.inturn('explain', 'account/bob', '--config', config)).stdout).toContain(
      'it stands at 1',
    )
    expect(await first.inturn('verify', '--config', config)).toMatchObject({ exitCode: 0 })
  } finally {
    delete process.env['DATABASE_URL']
    await client.end()
    await database.drop()
  }
})

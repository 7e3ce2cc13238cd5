// The example of a domain without tracking beside one with tracking does what its page says.
import { appendFileSync, cpSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { root } from './marked-code.ts'
import { UserFolder } from './user-folder.ts'

function rowsOf(folder: UserFolder, sql: string): Record<string, unknown> {
  using database = new DatabaseSync(join(folder.path, 'shop.db'))
  const rows = database.prepare(sql).all()
  return Object.fromEntries(rows.map(({ name, value }) => [String(name), value]))
}

const plansIn = (folder: UserFolder) => rowsOf(folder, 'SELECT name, plan AS value FROM account')
const viewsIn = (folder: UserFolder) => rowsOf(folder, 'SELECT path AS name, views AS value FROM page')

test('accounts wait for their turn and show their gap, pages are counted at once and once', async () => {
  using folder = new UserFolder()
  const filter = (source: string): boolean => !source.includes('shop.db')
  cpSync(join(root, 'examples', 'when-not-to'), folder.path, { recursive: true, filter })
  const run = () => folder.inturn('run', '--until', 'caught-up')
  // Bob's account stands still, in front of a change that is missing.
  expect(await run()).toMatchObject({ exitCode: 1 })
  expect(plansIn(folder)).toEqual({ alice: 'cancelled', bob: 'free' })
  expect(viewsIn(folder)).toEqual({ '/pricing': 2, '/': 1 })
  const { stdout } = await folder.inturn('streams')
  expect(stdout).toContain('alice')
  expect(stdout).not.toMatch(/analytics|pricing/)
  expect((await folder.inturn('gaps')).stdout).toContain('bob')

  const events = join(folder.path, 'events.ndjson')
  appendFileSync(
    events,
    '{ "type": "account.changed", "stream": "bob", "sequence": 2, "id": "b2", "data": "team" }\n',
  )
  appendFileSync(events, '{ "type": "page.viewed", "id": "v1", "data": "/" }\n')
  expect(await run()).toMatchObject({ exitCode: 0 })
  expect(plansIn(folder)).toEqual({ alice: 'cancelled', bob: 'pro' })
  expect(viewsIn(folder)).toEqual({ '/pricing': 2, '/': 1 })
  expect(await folder.inturn('verify')).toMatchObject({ exitCode: 0 })
})

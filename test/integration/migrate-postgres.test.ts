// `inturn migrate`, and the roles of the page on Postgres: the owner makes the tables, a worker works with
// them and can make none, a reader looks at all and changes nothing.
import { readFileSync } from 'node:fs'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { postgresEventLog, postgresStore } from '../../src/stores/postgres.ts'
import type { TestDatabase } from '../services/shared-postgres.ts'
import { freshDatabase } from '../services/shared-postgres.ts'
import type { TestFolder } from './run-inturn.ts'
import { inturn, sourceUrl, testFolder } from './run-inturn.ts'

const roles = ['inturn_owner', 'inturn_worker', 'inturn_reader'] as const
let database: TestDatabase
let folder: TestFolder

beforeAll(async () => {
  database = await freshDatabase()
  const { pathname } = new URL(database.url)
  for (const role of roles) await sql(`CREATE ROLE ${role} LOGIN`)
  await sql(`GRANT CREATE ON DATABASE ${pathname.slice(1)} TO inturn_owner`)
})
afterAll(async () => {
  for (const role of roles) await sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
  await database.drop()
})
beforeEach(() => {
  folder = testFolder()
})
afterEach(() => folder.remove())

/** The database, as a role. */
function as(role: (typeof roles)[number]): string {
  const url = new URL(database.url)
  url.username = role
  return url.href
}

async function sql(text: string, url = database.url): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

/** The grants as the page has them. */
function grants(): string {
  const page = readFileSync(new URL('../../docs/stores/postgres.md', import.meta.url), 'utf8')
  return /```sql\n(GRANT [^]*?)```/.exec(page)?.[1] ?? ''
}

const config = (url: string): string => `
  import { contiguous } from ${sourceUrl('core/numbering.ts')}
  import { postgresStore } from ${sourceUrl('stores/postgres.ts')}
  import { fileSource } from ${sourceUrl('transports/file.ts')}
  export default {
    consumer: 'billing',
    store: postgresStore('${url}'),
    source: fileSource('payments.ndjson'),
    domains: {
      account: {
        numbering: contiguous(),
        effects: 'transaction',
        failure: { attempts: 1, then: 'dead-letter' },
        handle: async ({ data, stream }, { transaction }) => {
          if (data === 'no') throw new Error('no')
          await transaction.query('INSERT INTO payment VALUES ($1, $2)', [stream, data])
        },
      },
      push: { numbering: contiguous(), effects: 'external', handle: () => undefined },
    },
  }`

test('who has been given a schema makes the tables in it, and needs no right on the database', async () => {
  for (const schema of ['given', 'printed']) await sql(`CREATE SCHEMA ${schema} AUTHORIZATION inturn_reader`)
  const migrated = await inturn(folder.path, 'migrate', '--store', `${as('inturn_reader')}?schema=given`)
  expect(migrated).toMatchObject({ code: 0, stderr: '' })
  const script = ['migrate', '--print', '--store', `${as('inturn_reader')}?schema=printed`]
  await sql((await inturn(folder.path, ...script)).stdout, as('inturn_reader'))
  const found = await sql("SELECT schemaname FROM pg_tables WHERE tablename = 'meta' ORDER BY 1")
  expect(found).toEqual([{ schemaname: 'given' }, { schemaname: 'printed' }])
  await sql('DROP SCHEMA given, printed CASCADE')
})

test('the owner makes the tables, a worker works with them, and a reader looks', async () => {
  await sql('CREATE TABLE payment (stream text, amount int); GRANT INSERT ON payment TO inturn_worker')
  const ndjson = [
    ...[2, 1, 4, 1].map((sequence) => ({ stream: 'a', sequence, data: sequence })),
    { stream: 'b', sequence: 1, data: 'no' },
  ].map((event) => JSON.stringify({ domain: 'account', ...event }))
  const pushed = JSON.stringify({ domain: 'push', stream: 'a', sequence: 1, data: 1 })
  folder.write('payments.ndjson', `${[...ndjson, pushed, 'nonsense'].join('\n')}\n`)
  folder.write('inturn.config.ts', config(as('inturn_worker')))

  const early = await inturn(folder.path, 'run', '--until', 'caught-up')
  expect(early.code).not.toBe(0)
  expect(early.stderr).toContain('may not do what inturn needs')
  const migrated = await inturn(folder.path, 'migrate', '--store', as('inturn_owner'))
  expect(migrated).toMatchObject({ code: 0, stderr: '' })
  expect(migrated.stdout).toContain('up to date')
  await sql(grants(), as('inturn_owner'))

  const ran = await inturn(folder.path, 'run', '--until', 'caught-up')
  expect(ran.stderr).toContain('ended after 7 events')
  expect(await sql('SELECT * FROM payment ORDER BY amount')).toEqual(
    [1, 2].map((amount) => ({ stream: 'a', amount })),
  )
  const log = postgresEventLog(as('inturn_worker'))
  await log.open()
  await log.append({ domain: 'account', stream: 'a', events: [{ id: 'e1', type: 'paid', data: 1 }] })
  expect((await log.readAll({ after: 0 })[Symbol.asyncIterator]().next()).done).toBe(false)
  await log.close()
  const skip = await inturn(folder.path, 'skip', 'account/a', '--by', 'ann', '--reason', 'lost')
  expect(skip.stderr).toBe('')
  const again = await inturn(folder.path, 'run', '--until', 'caught-up')
  expect(again.code, again.stderr).toBe(0)

  for (const command of [
    ['status'],
    ['gaps'],
    ['dead'],
    ['ledger'],
    ['streams'],
    ['explain', 'account/a'],
    ['verify'],
  ]) {
    const looked = await inturn(folder.path, ...command, '--store', as('inturn_reader'))
    expect([command, looked.code, looked.stderr]).toEqual([command, 0, ''])
  }
  const acted = await inturn(
    folder.path,
    'pause',
    'account',
    '--by',
    'bob',
    '--reason',
    'x',
    '--store',
    as('inturn_reader'),
  )
  expect(acted.code).not.toBe(0)
  expect(acted.stderr).toContain('may not do what inturn needs')
})

test('what --print prints makes the same tables, in the schema of the URL, and none twice', async () => {
  const url = `${database.url}?schema=printed`
  const printed = await inturn(folder.path, 'migrate', '--print', '--store', url)
  expect(printed).toMatchObject({ code: 0, stderr: '' })
  expect(await sql("SELECT FROM pg_namespace WHERE nspname = 'printed'")).toEqual([])
  await sql(printed.stdout)
  await expect(sql(printed.stdout)).rejects.toThrow('already exists')
  const objects = `
    SELECT kind, name, replace(definition, 'printed.', 'made.') AS definition FROM (
      SELECT 'column' AS kind, table_schema AS schema, table_name || '.' || column_name AS name,
        data_type || ' ' || is_nullable || coalesce(column_default, '') AS definition
      FROM information_schema.columns
      UNION ALL SELECT 'index', schemaname, indexname, indexdef FROM pg_indexes
      UNION ALL SELECT 'function', n.nspname, p.proname, pg_get_functiondef(p.oid)
      FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace AND p.prokind = 'f'
    ) AS object WHERE schema = $schema ORDER BY kind, name`
  const made = await inturn(folder.path, 'migrate', '--json', '--store', `${database.url}?schema=made`)
  expect(JSON.parse(made.stdout)).toMatchObject({ migrated: true })
  const [ours, theirs] = [
    await sql(objects.replace('$schema', "'made'")),
    await sql(objects.replace('$schema', "'printed'")),
  ]
  const plain = (rows: typeof ours): string => JSON.stringify(rows).replaceAll(/\s*\\n\s*/g, ' ')
  expect(plain(theirs)).toBe(plain(ours))
  expect(ours.length).toBeGreaterThan(100)
  // Whoever finds the printed tables uses them.
  expect(await inturn(folder.path, 'migrate', '--store', url)).toMatchObject({ code: 0 })
})

test('many who migrate at once make it once', async () => {
  const all = await Promise.all(
    Array.from({ length: 4 }, () => inturn(folder.path, 'migrate', '--store', `${database.url}?schema=many`)),
  )
  expect(all.map(({ code, stderr }) => [code, stderr])).toEqual(all.map(() => [0, '']))
})

test('many stores that open at once make the tables once, whoever comes first', async () => {
  for (let round = 0; round < 12; round++) {
    const empty = await freshDatabase()
    const stores = Array.from({ length: 6 }, () => postgresStore(empty.url))
    const opened = await Promise.allSettled(stores.map((store) => store.open()))
    for (const store of stores) await store.close()
    await empty.drop()
    expect(opened.filter(({ status }) => status === 'rejected')).toEqual([])
  }
})

test('a store that makes its tables itself prints none', async () => {
  folder.write(
    'own.config.ts',
    `
    import { contiguous } from ${sourceUrl('core/numbering.ts')}
    import { sqliteStore } from ${sourceUrl('stores/sqlite.ts')}
    import { fileSource } from ${sourceUrl('transports/file.ts')}
    export default { consumer: 'c', store: sqliteStore('own.db'),
      source: fileSource('none.ndjson'), domains: {
      account: { numbering: contiguous(), effects: 'external', handle: () => undefined } } }`,
  )
  const refused = await inturn(folder.path, 'migrate', '--print', '--config', 'own.config.ts')
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain('--print is for Postgres')
  expect(await inturn(folder.path, 'migrate', '--config', 'own.config.ts')).toMatchObject({ code: 0 })
})

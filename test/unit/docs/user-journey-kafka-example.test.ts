// The example of user journeys from Kafka puts every click of every user into its place once, with two
// workers that share the partitions (I1, I2).
import { cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { kafkaBrokers } from '../../services/shared-kafka.ts'
import { freshDatabase } from '../../services/shared-postgres.ts'
import { root } from './marked-code.ts'
import { UserFolder } from './user-folder.ts'

test('two workers build every journey whole and in order from partitions out of order', async () => {
  const database = await freshDatabase()
  process.env['DATABASE_URL'] = database.url
  process.env['KAFKA_BROKERS'] = (await kafkaBrokers()).join()
  using folder = new UserFolder()
  cpSync(join(root, 'examples', 'user-journey-kafka'), folder.path, { recursive: true })
  for (const name of ['pg', '@platformatic']) {
    symlinkSync(join(root, 'node_modules', name), join(folder.path, 'node_modules', name), 'junction')
  }
  const client = new Client({ connectionString: database.url })
  await client.connect()
  try {
    const sent = await folder.node('send-clicks.ts')
    expect(sent.stdout, sent.stderr).toContain('3000 clicks of 200 users')
    const run = () => folder.inturn('run', '--until', 'caught-up')
    // One may end while the other's partitions have what its streams miss: it says so, by 1.
    for (const { exitCode, stderr } of await Promise.all([run(), run()])) {
      expect([0, 1], stderr).toContain(exitCode)
    }
    const { exitCode, stderr } = await run()
    expect(exitCode, stderr).toBe(0)
    const { rows } = await client.query(
      `SELECT count(*)::int AS users, sum(clicks)::int AS clicks,
         count(*) FILTER (WHERE way LIKE 'home > %' AND cardinality(string_to_array(way, ' > ')) = 15)::int
           AS whole FROM journey`,
    )
    expect(rows).toEqual([{ users: 200, clicks: 3_000, whole: 200 }])
    expect(await folder.inturn('verify')).toMatchObject({ exitCode: 0 })
  } finally {
    delete process.env['DATABASE_URL']
    delete process.env['KAFKA_BROKERS']
    await client.end()
    await database.drop()
  }
})

// Each user's way through a web shop, from clicks that arrive over three partitions, doubled and in disorder.
// A journey is only right if every click is in it once and in its place, so any mistake would show. It is
// built by three workers that share the work, then built again by a second consumer from the whole history,
// and the two tables are compared.
import { DatabaseSync } from 'node:sqlite'
import { contiguous, createWorker } from 'inturn'
import { sqliteStore } from 'inturn/stores/sqlite'
import { fileSource } from 'inturn/transports/file'
import { writeClicks } from './write-clicks.ts'

const file = 'journey.db'

/** Reads all three partitions, with a worker each, and books every click into a table. */
async function build(table: string, consumer: string, replay?: 'rebuild'): Promise<void> {
  const workers = [0, 1, 2].map((partition) =>
    createWorker({
      consumer,
      store: sqliteStore(file),
      source: fileSource(`clicks-${partition}.ndjson`),
      ...(replay !== undefined && { replay }),
      domains: {
        click: {
          numbering: contiguous(),
          effects: 'transaction',
          handle: ({ stream, data }, { transaction }) => {
            transaction.run(
              `INSERT INTO ${table} VALUES (?1, 1, ?2) ON CONFLICT DO UPDATE
               SET clicks = clicks + 1, way = way || ' > ' || ?2`,
              stream,
              pageOf(data),
            )
          },
        },
      },
    }),
  )
  await Promise.all(workers.map((worker) => worker.run({ until: 'caught-up' })))
}

function pageOf(data: unknown): string {
  return typeof data === 'object' && data !== null && 'page' in data ? String(data.page) : '?'
}

using database = new DatabaseSync(file)
for (const table of ['journey', 'journey_rebuilt']) {
  database.exec(
    `CREATE TABLE IF NOT EXISTS ${table} (user TEXT PRIMARY KEY, clicks INTEGER NOT NULL, way TEXT NOT NULL)`,
  )
}
const clicks = writeClicks()
await build('journey', 'journey')
await build('journey_rebuilt', 'journey-rebuild', 'rebuild')

const one = (sql: string): number => Number(Object.values(database.prepare(sql).get() ?? {})[0])
const booked = one('SELECT sum(clicks) FROM journey')
const users = one('SELECT count(*) FROM journey')
const differences = one(
  `SELECT count(*) FROM (SELECT * FROM (SELECT * FROM journey EXCEPT SELECT * FROM journey_rebuilt)
   UNION ALL SELECT * FROM (SELECT * FROM journey_rebuilt EXCEPT SELECT * FROM journey))`,
)
console.log(`${clicks} clicks of ${users} users, booked: ${booked}`)
console.log(String(database.prepare("SELECT way FROM journey WHERE user = 'user-1'").get()?.['way']))
console.log(differences === 0 ? 'rebuilt from history: equal' : `rebuilt: ${differences} rows differ`)
process.exitCode = booked === clicks && differences === 0 ? 0 : 1

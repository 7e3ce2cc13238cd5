// January is booked by a hand-rolled tracker. For February its positions are brought to inturn, and both read
// the same events, some of them doubled and one late. Both are killed twice, right after a booking and before
// its position is written down, and started again. Then their books are compared.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import manifest from 'inturn/package.json' with { type: 'json' }
import { createClient } from 'redis'
import { paymentsIn } from './payments.ts'
import { redisServer } from './redis-server.ts'

process.chdir(import.meta.dirname)
const deadly = ['bob-3', 'ann-7']
using server = await redisServer()
const { url } = server

/** Runs a program with node, to its end or until it has booked what it dies of. */
function run(program: string, args: readonly string[], deadlyId = ''): void {
  const env = { ...process.env, REDIS_URL: url, DEADLY: deadlyId }
  const { status, signal, stderr } = spawnSync(process.execPath, [program, ...args], { env })
  if (deadlyId === '' ? status === 0 : signal === 'SIGKILL') return
  throw new Error(`${program} ${args.join(' ')} ${deadlyId}: ${String(stderr)}`)
}

const client = createClient({ url })
await client.connect()
for (const pattern of ['drop-in:*', '{drop-in*']) {
  for await (const keys of client.scanIterator({ MATCH: pattern })) {
    if (keys.length > 0) await client.del(keys)
  }
}

run('tracker.ts', ['january.ndjson'])
const january = await client.lRange('drop-in:tracker', 0, -1)
// What `npx inturn` would run.
const inturn = fileURLToPath(new URL(manifest.bin.inturn, import.meta.resolve('inturn/package.json')))
const from = ['import', 'positions', 'redis:drop-in:position:*', '--redis', url]
run(inturn, [...from, '--domain', 'account', '--reason', 'moving to inturn'])

for (const id of deadly) {
  run('tracker.ts', ['february.ndjson'], id)
  run(inturn, ['run', '--until', 'caught-up'], id)
}
run('tracker.ts', ['february.ndjson'])
run(inturn, ['run', '--until', 'caught-up'])
run(inturn, ['verify'])

const right = new Set(
  ['january.ndjson', 'february.ndjson'].flatMap(paymentsIn).map(({ id, data }) => `${id} ${data}`),
)
const books = {
  tracker: await client.lRange('drop-in:tracker', 0, -1),
  inturn: [...january, ...(await client.hVals('drop-in:inturn'))],
}
client.destroy()

/** What the bookings of an account come to. */
function balance(bookings: Iterable<string>, account: string): string {
  const amounts = [...bookings]
    .filter((booking) => booking.startsWith(account))
    .map((booking) => booking.split(' ')[1])
  return String(amounts.reduce((sum, amount) => sum + Number(amount), 0)).padStart(9)
}

console.log('account    right  tracker   inturn')
for (const account of ['ann', 'bob']) {
  const cells = [right, books.tracker, books.inturn].map((bookings) => balance(bookings, account))
  console.log(`${account}  ${cells.join('')}`)
}
for (const [name, bookings] of Object.entries(books)) {
  const lost = [...right].filter((booking) => !bookings.includes(booking))
  const twice = bookings.filter((booking, index) => bookings.indexOf(booking) < index)
  console.log(
    `${name} lost ${lost.join(', ') || 'nothing'}, and booked ${twice.join(', ') || 'nothing'} twice`,
  )
}

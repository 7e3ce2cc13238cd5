// The tracker that everybody writes first: read the last number, compare, process, write the number down.
// It is given the file to read, and in DEADLY the id of an event after whose booking it dies.
import { createClient } from 'redis'
import { paymentsIn } from './payments.ts'

const [, , file = ''] = process.argv
const client = createClient({ url: process.env['REDIS_URL'] ?? 'redis://localhost:6379' })
await client.connect()

for (const { stream, sequence, id, data } of paymentsIn(file)) {
  const last = Number(await client.get(`drop-in:position:${stream}`))
  if (sequence <= last) continue
  await client.rPush('drop-in:tracker', `${id} ${data}`)
  if (id === process.env['DEADLY']) process.kill(process.pid, 'SIGKILL')
  await client.set(`drop-in:position:${stream}`, sequence)
}
client.destroy()

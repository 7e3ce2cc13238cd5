// A process that appends pairs of events until it is killed, and tells of each that was confirmed.
import { postgresEventLog } from '../../../src/stores/postgres.ts'

const [url = '', stream = ''] = process.argv.slice(2)
const log = postgresEventLog(url)
for (let number = 1; ; number += 2) {
  const events = [number, number + 1].map((id) => ({ id: `e${id}`, type: 'booked', data: id }))
  await log.append({ domain: 'account', stream, events })
  process.stdout.write(`e${number}\ne${number + 1}\n`)
}

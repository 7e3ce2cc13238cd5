// An account kept in an event log: decide from what happened, append, and decide again where somebody was
// faster.
import { AppendConflict } from 'inturn/producer'
import type { LogStream } from 'inturn/producer'
import { sqliteEventLog } from 'inturn/stores/sqlite'

const log = sqliteEventLog('bank.db')

/** The balance, and the position that it is true of. */
async function accountOf(stream: LogStream): Promise<{ balance: number; position: number }> {
  let account = { balance: 0, position: 0 }
  for await (const { data, sequence } of log.read(stream)) {
    account = { balance: account.balance + Number(data), position: sequence }
  }
  return account
}

const ann = { domain: 'account', stream: 'ann' }
const booking = (id: string, amount: number) => [{ id, type: 'account.booked', data: amount }]

// Append: the stream must not be there yet.
const opened = await log.append({ ...ann, events: booking('salary-1', 100), expected: 'none' })
console.log(`appended: Ann is at ${opened.position}`)

// Two tellers look at the same account, and both want to take 80 out of it.
const [first, second] = await Promise.all([accountOf(ann), accountOf(ann)])
await log.append({ ...ann, events: booking('teller-1', -80), expected: first.position })
try {
  await log.append({ ...ann, events: booking('teller-2', -80), expected: second.position })
} catch (error) {
  if (!(error instanceof AppendConflict)) throw error
  const { balance } = await accountOf(ann)
  console.log(`conflict: Ann is at ${error.actual}, with ${balance} left; the second teller refuses`)
}

// Retry: the answer to the first append got lost, so the same call is made again.
const again = await log.append({ ...ann, events: booking('salary-1', 100), expected: 'none' })
console.log(`retry: duplicate ${again.duplicate}, number ${again.events[0]?.sequence}, as the first time`)

// Read back, the last one first.
for await (const { sequence, id, data } of log.read({ ...ann, backwards: true })) {
  console.log(`read: ${sequence} ${id} ${String(data)}`)
}

await log.close()

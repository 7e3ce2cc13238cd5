// A producer in a process of its own, to be killed: reserves numbers, uses most of them, and says which it
// has used. Arguments: where the numbers are.
import { sequencer } from '../../src/producer/sequencer.ts'
import { sequencesAt } from './log-target.ts'

const store = sequencesAt(process.argv[2] ?? '')
const numbers = sequencer({ store, domain: 'account', claim: 60 })

for (let turn = 0; ; turn++) {
  const reserved = await numbers.next('ann')
  // Every fourth is forgotten, as by a program with an error in it.
  if (turn % 4 === 3) continue
  const isUsed = await reserved.use().then(
    () => true,
    () => false,
  )
  if (isUsed) process.stdout.write(`${reserved.from}\n`)
}

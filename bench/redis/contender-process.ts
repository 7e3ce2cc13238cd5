// A process of a contender: prepares its share, says so, begins when it is told to, and tells how many events
// it has finished. Whoever started it ends it.
import { once } from 'node:events'
import { bareScript } from './bare-script.ts'
import { bullMq, groupMq } from './queue-peers.ts'
import type { Share, Work } from './share.ts'
import { withInturn } from './with-inturn.ts'

const contenders: Readonly<Record<string, (share: Share) => Promise<Work>>> = {
  'bare-script': bareScript,
  inturn: withInturn,
  'group-mq': groupMq,
  'bull-mq': bullMq,
}
const tellEveryMs = 5

const [name = '', text = ''] = process.argv.slice(2)
const prepare = contenders[name]
if (prepare === undefined) throw new Error(`there is no contender ${name}`)
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the bench itself has written it
const work = await prepare(JSON.parse(text) as Share)
const begun = once(process, 'message')
process.send?.('ready')
await begun
let finished = 0
let told = 0
function tell(): void {
  if (finished > told) process.send?.(finished - told)
  told = finished
}
setInterval(tell, tellEveryMs)
await work((events) => {
  finished += events
})
tell()

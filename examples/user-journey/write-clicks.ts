// What a web shop's trackers sent: each user's clicks, numbered per user, spread over three partitions that
// keep no order between them, with copies, and now and then a click that waited on a phone without a network.
import { writeFileSync } from 'node:fs'

const users = 200
const partitions = 3
const pages = ['home', 'search', 'shoes', 'hats', 'basket', 'checkout', 'paid']

/** A small generator of numbers from 0 to below 1, so that every run of the example has the same clicks. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Writes clicks-0.ndjson to clicks-2.ndjson into the working folder; how many clicks there really were. */
export function writeClicks(): number {
  const random = seeded(7)
  const arrivals: { readonly line: string; readonly at: number; readonly partition: number }[] = []
  let clicks = 0
  for (let user = 1; user <= users; user++) {
    const length = 5 + Math.floor(random() * 20)
    let at = random() * 10_000
    for (let sequence = 1; sequence <= length; sequence++) {
      at += random() * 100
      clicks++
      const page = sequence === 1 ? 'home' : pages[Math.floor(random() * pages.length)]
      const click = { stream: `user-${user}`, sequence, id: `${user}-${sequence}`, data: { page } }
      const copies = random() < 0.2 ? 2 : 1
      for (let copy = 0; copy < copies; copy++) {
        const delay = random() < 0.1 ? random() * 2_000 : random() * 50
        const partition = Math.floor(random() * partitions)
        arrivals.push({ line: JSON.stringify(click), at: at + delay, partition })
      }
    }
  }
  arrivals.sort((a, b) => a.at - b.at)
  for (let partition = 0; partition < partitions; partition++) {
    const own = arrivals.filter((arrival) => arrival.partition === partition)
    writeFileSync(`clicks-${partition}.ndjson`, own.map(({ line }) => `${line}\n`).join(''))
  }
  return clicks
}

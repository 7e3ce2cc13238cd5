// Events that come one by one at a steady rate, each processed by itself: how long each takes from the moment
// when it is due, so that whoever falls behind shows it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchEvent } from './share.ts'

/** At which rate events come, and for how long. */
export interface Pace {
  readonly perSecond: number
  readonly seconds: number
  readonly streams: number
}

/** How long events took, in milliseconds. */
export interface Latency {
  readonly p50: number
  readonly p99: number
  /** Events a second that were finished: less than the pace where it was too much. */
  readonly reached: number
}

/** With more under way events wait, which counts: a client gives commands up that wait for too long. */
const underWayMax = 1_000

/** Sends events at a pace. So many others have `passed` before. */
export async function paced(
  send: (event: BenchEvent) => Promise<unknown>,
  { perSecond, seconds, streams }: Pace,
  passed: number,
): Promise<Latency> {
  const events = perSecond * seconds
  const took: number[] = []
  const underWay = new Set<Promise<void>>()
  const begun = performance.now()
  for (let sent = 0; sent < events;) {
    const due = Math.min(events, Math.floor(((performance.now() - begun) * perSecond) / 1_000))
    for (; sent < due && underWay.size < underWayMax; sent++) {
      const dueAt = begun + (sent * 1_000) / perSecond
      const [stream, sequence] = [(passed + sent) % streams, Math.floor((passed + sent) / streams) + 1]
      const event = {
        stream: `account-${stream}`,
        sequence,
        id: `event-${sent}`,
        data: { amount: sent },
      }
      const sending: Promise<void> = send(event).then(() => {
        took.push(performance.now() - dueAt)
        underWay.delete(sending)
      })
      underWay.add(sending)
    }
    await sleep(1)
  }
  await Promise.all(underWay)
  const reached = (events / (performance.now() - begun)) * 1_000
  took.sort((a, b) => a - b)
  const at = (part: number): number => took[Math.floor(took.length * part)] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99), reached }
}

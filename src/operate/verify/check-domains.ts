// The counters of a consumer's domains, which commits keep by differences, against what is there. Streams go
// on while rows are counted, so only a difference that is found twice, with the counters at rest, counts.
import { parseStreamPath } from '../../core/stream-path.ts'
import type { ConsumerView } from '../paging.ts'
import { countHandedOver, eachHeld } from '../paging.ts'
import type { Imbalance } from './imbalance.ts'

/** Counters by domain, or rows by domain. */
interface DomainCounts {
  readonly held: number
  readonly handedOver: number
}

const triesMax = 10

/** What does not add up in the domains of a consumer; `domains` are those of its streams. */
export async function checkDomains(
  view: ConsumerView,
  domains: ReadonlySet<string>,
): Promise<readonly Imbalance[]> {
  const names = new Set([...(await readCounters(view)).keys(), ...domains])
  const found: Imbalance[] = []
  for (const name of names) found.push(...(await checkDomain(view, name)))
  return found
}

async function checkDomain(view: ConsumerView, domain: string): Promise<readonly Imbalance[]> {
  let last: string | undefined
  for (let tries = 0; tries < triesMax; tries++) {
    const before = (await readCounters(view)).get(domain) ?? none
    const rows = await countRows(view, domain)
    const after = (await readCounters(view)).get(domain) ?? none
    const found = [
      ...difference(domain, 'held events', [rows.held, before.held]),
      ...difference(domain, 'handed-over events', [rows.handedOver, before.handedOver]),
    ]
    if (found.length === 0) return []
    if (before.held !== after.held || before.handedOver !== after.handedOver) continue
    const seen = [before.held - rows.held, before.handedOver - rows.handedOver].join()
    if (seen === last) return found
    last = seen
  }
  return []
}

const none: DomainCounts = { held: 0, handedOver: 0 }

async function readCounters({ reader, consumer }: ConsumerView): Promise<ReadonlyMap<string, DomainCounts>> {
  return (await reader.summary(consumer)).domains
}

async function countRows(view: ConsumerView, domain: string): Promise<DomainCounts> {
  let held = 0
  for await (const event of eachHeld(view, { domain }))
    if (parseStreamPath(event.stream)?.domain === domain) held++
  return { held, handedOver: await countHandedOver(view, { domain }) }
}

function difference(
  domain: string,
  what: string,
  [rows, counter]: readonly [number, number],
): readonly Imbalance[] {
  if (rows === counter) return []
  const detail = `${what} that are kept, and the domain's counter`
  return [{ check: 'domain', domain, expected: String(rows), found: String(counter), detail }]
}

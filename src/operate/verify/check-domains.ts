// The counters of a consumer's domains, which commits keep by differences, against what is there. Streams go
// on while rows are counted, so only a difference that is found twice, with the counters at rest, counts.
import type { StreamPath } from '../../core/stream-path.ts'
import { parseStreamPath } from '../../core/stream-path.ts'
import type { ConsumerView } from '../paging.ts'
import { eachInboxEntry, eachHeld } from '../paging.ts'
import type { Imbalance } from './imbalance.ts'

/** Counters of a domain, or its rows. */
interface DomainCounts {
  readonly held: number
  readonly handedOver: number
}

const triesMax = 10

/** What does not add up in the domains of a consumer; `domains` are those of its streams. */
export async function checkDomains(
  view: ConsumerView,
  domains: ReadonlySet<string>,
  onRow: () => void,
): Promise<readonly Imbalance[]> {
  const { reader, consumer } = view
  const found: Imbalance[] = []
  /** Domains that may not add up, with what was seen of each at last. */
  let open = new Map<string, string>()
  for (let tries = 0; tries < triesMax && (tries === 0 || open.size > 0); tries++) {
    const before = await reader.domains(consumer)
    const rows = await countRows(view, onRow)
    const after = await reader.domains(consumer)
    const asked = tries === 0 ? new Set([...before.keys(), ...domains]) : open.keys()
    const still = new Map<string, string>()
    for (const name of asked) {
      const [counted, there] = [before.get(name) ?? none, rows.get(name) ?? none]
      const wrong = differences(name, there, counted)
      if (wrong.length === 0) continue
      const seen = [counted.held - there.held, counted.handedOver - there.handedOver].join()
      const isAtRest = isSame(counted, after.get(name) ?? none)
      if (isAtRest && seen === open.get(name)) found.push(...wrong)
      else still.set(name, isAtRest ? seen : '')
    }
    open = still
  }
  return found
}

const none: DomainCounts = { held: 0, handedOver: 0 }

/** Held events and entries of inboxes by domain: one pass over each list, however many domains there are. */
async function countRows(
  view: ConsumerView,
  onRow: () => void,
): Promise<ReadonlyMap<string, { held: number; handedOver: number }>> {
  const rows = new Map<string, { held: number; handedOver: number }>()
  const count = (stream: StreamPath, field: 'held' | 'handedOver'): void => {
    const name = parseStreamPath(stream)?.domain ?? ''
    const counts = rows.get(name) ?? { ...none }
    counts[field]++
    rows.set(name, counts)
    onRow()
  }
  for await (const { stream } of eachHeld(view)) count(stream, 'held')
  for await (const { stream } of eachInboxEntry(view)) count(stream, 'handedOver')
  return rows
}

function isSame(a: DomainCounts, b: DomainCounts): boolean {
  return a.held === b.held && a.handedOver === b.handedOver
}

function differences(domain: string, rows: DomainCounts, counted: DomainCounts): readonly Imbalance[] {
  return [
    ...difference(domain, 'held events', [rows.held, counted.held]),
    ...difference(domain, 'entries of inboxes', [rows.handedOver, counted.handedOver]),
  ]
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

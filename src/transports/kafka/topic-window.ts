// Which part of topics is read as history: from a time, or from places as origins show them, to another one.
// What is found out here is told in offsets, so that everybody can see what was read and what was not.
import { durationMs } from '../../core/duration.ts'
import { InturnError } from '../../core/errors.ts'
import { readTime } from '../../core/producer-runs.ts'
import type { SourceWindow } from '../../ports/source.ts'
import type { PartitionName } from './partition.ts'
import type { TopicClient } from './topic-client.ts'

/** A partition, and which offsets of it are read. */
export interface PartitionWindow extends PartitionName {
  readonly from: number
  /** In front of which reading ends. */
  readonly until: number
  /** The first offset that the log still has. */
  readonly first: number
}

/** An edge of a window, as it was named. */
type Edge =
  | { readonly kind: 'time'; readonly at: (now: number) => Date }
  | { readonly kind: 'places'; readonly offsets: ReadonlyMap<string, number> }

/** A window as it was named, checked. */
export interface NamedWindow {
  readonly since?: Edge
  readonly until?: Edge
  /** For people, and part of the name of what reads it: `''` where everything is read. */
  readonly text: string
}

const place = /^(?<name>(?<topic>[\w.-]+)\[(?<partition>\d+)\])@(?<offset>\d{1,15})$/

/**
 * Reads what a window is named by.
 *
 * @throws InturnError `config-invalid` for what is neither a time, a duration nor places of these topics
 */
export function namedWindow(
  { since, until }: SourceWindow,
  { by, topics }: { readonly by: string; readonly topics: readonly string[] },
): NamedWindow {
  const edges = Object.entries({ since, until }).flatMap(([name, text]) =>
    text === undefined ? [] : [[name, edgeOf(text, `${by}: ${name}`, topics)] as const],
  )
  const words = Object.entries({ since, until }).flatMap(([name, text]) =>
    text === undefined ? [] : [`${name} ${text}`],
  )
  return { ...Object.fromEntries(edges), text: words.join(' ') }
}

function edgeOf(text: string, name: string, topics: readonly string[]): Edge {
  const parts = text.split(',').map((part) => place.exec(part.trim())?.groups)
  if (parts.some((groups) => groups !== undefined)) {
    const offsets = new Map<string, number>()
    for (const groups of parts) {
      if (groups === undefined || !topics.includes(groups['topic'] ?? '')) throw wrongEdge(text, name)
      offsets.set(groups['name'] ?? '', Number(groups['offset']))
    }
    return { kind: 'places', offsets }
  }
  if (/^\d+(?:\.\d+)?(?:ms|s|m|h|d)$/.test(text)) {
    const ms = durationMs(text, name)
    return { kind: 'time', at: (now) => new Date(now - ms) }
  }
  const at = readTime(text)
  if (at === undefined) throw wrongEdge(text, name)
  return { kind: 'time', at: () => new Date(at) }
}

function wrongEdge(text: string, name: string): InturnError {
  const takes = "a time like '2026-01-02T03:04:05Z', '2h' before now, or places of its topics"
  return new InturnError('config-invalid', `${name} takes ${takes} like 'accounts[3]@1042'; not '${text}'`)
}

/**
 * The window in offsets, as the topics are now. Where places are named, other partitions are left out.
 *
 * @param now - in milliseconds since 1970: what durations are counted from
 */
export async function openWindow(
  client: TopicClient,
  { since, until }: NamedWindow,
  { topics, now }: { readonly topics: readonly string[]; readonly now: number },
): Promise<readonly PartitionWindow[]> {
  const all = topics.flatMap((topic) =>
    Array.from({ length: client.partitionsOf(topic) }, (_, partition) => ({ topic, partition })),
  )
  for (const edge of [since, until]) checkPlaces(edge, all)
  const read = all.filter((one) => isNamed(since, one) && isNamed(until, one))
  const firsts = await client.offsets(read, 'beginning')
  const ends = await client.offsets(read, 'new')
  const placeOf = async (edge: Edge | undefined, fallback: readonly number[]): Promise<readonly number[]> => {
    if (edge === undefined) return fallback
    if (edge.kind === 'time') return client.offsets(read, edge.at(now))
    return read.map((one, index) => edge.offsets.get(nameOf(one)) ?? fallback[index] ?? 0)
  }
  const froms = await placeOf(since, firsts)
  const untils = await placeOf(until, ends)
  return read.map((one, index) => {
    const [first = 0, end = 0, from = 0, to = 0] = [firsts[index], ends[index], froms[index], untils[index]]
    if (from <= end) return { ...one, first, from, until: Math.max(from, Math.min(to, end)) }
    const what = `${nameOf(one)} ends at ${end}: it has no offset ${from} to begin at`
    throw new InturnError('history-unavailable', what)
  })
}

/** The newest so many offsets of a window, of each partition its share. */
export function newestOf(window: readonly PartitionWindow[], most: number): readonly PartitionWindow[] {
  const total = window.reduce((sum, { from, until }) => sum + until - from, 0)
  if (total <= most) return window
  return window.map((one) => {
    const share = Math.ceil(((one.until - one.from) * most) / total)
    return { ...one, from: Math.max(one.from, one.until - share) }
  })
}

/** The offsets of a window, for people: `accounts[0]@0 to 1041, accounts[1]@5 to 900`. */
export function windowText(window: readonly PartitionWindow[]): string {
  const read = window.filter(({ from, until }) => from < until)
  if (read.length === 0) return 'nothing'
  return read.map((one) => `${nameOf(one)}@${one.from} to ${one.until - 1}`).join(', ')
}

function nameOf({ topic, partition }: PartitionName): string {
  return `${topic}[${partition}]`
}

function isNamed(edge: Edge | undefined, one: PartitionName): boolean {
  return edge?.kind !== 'places' || edge.offsets.has(nameOf(one))
}

function checkPlaces(edge: Edge | undefined, all: readonly PartitionName[]): void {
  if (edge?.kind !== 'places') return
  const names = new Set(all.map(nameOf))
  const unknown = [...edge.offsets.keys()].find((name) => !names.has(name))
  if (unknown !== undefined) throw new InturnError('history-unavailable', `there is no partition ${unknown}`)
}

// How far a group is behind, and who of it reads what: asked of the brokers by somebody who is no member, so
// that nothing is given to another one for it.
import type { Admin } from '@platformatic/kafka'
import type { SourcePart } from '../../ports/source.ts'
import { asksOthers } from './asks-others.ts'
import { clientIdOf, connectionOf } from './cluster-target.ts'
import { kafkaFault } from './faults.ts'
import type { GroupClientOptions } from './group-client.ts'
import { kafkaLibrary } from './library.ts'

/** Somebody waits for the answer. */
const askMs = 3_000
const readCommitted = 1
const timestamps = { first: -2n, end: -1n } as const

/** Every partition of a group's topics. */
export async function surveyGroup(
  options: GroupClientOptions,
  start: 'beginning' | 'new',
): Promise<readonly SourcePart[]> {
  const library = await kafkaLibrary()
  const made = new library.Admin({
    ...connectionOf(options),
    clientId: clientIdOf(options),
    bootstrapBrokers: [...options.brokers],
    connectTimeout: askMs,
    requestTimeout: askMs,
    retries: 1,
    retryDelay: 250,
  })
  const admin = asksOthers(library, made)
  try {
    const topics = [...options.topics]
    const { topics: known, brokers } = await admin.metadata({ topics })
    const all = topics.map((name) => ({
      name,
      partitions: Array.from({ length: known.get(name)?.partitionsCount ?? 0 }, (_, index) => index),
    }))
    const led = all.map(({ name, partitions }) => ({
      name,
      partitions: partitions.filter((index) => brokers.has(known.get(name)?.partitions[index]?.leader ?? -1)),
    }))
    const ends = await offsetsOf(admin, led, 'end')
    const firsts = start === 'beginning' ? await offsetsOf(admin, led, 'first') : ends
    const committed = await committedOf(admin, options.groupId)
    const readers = await readersOf(admin, options.groupId)
    return all.flatMap(({ name: topic, partitions }) =>
      partitions.map((partition) => {
        const name = `${topic}[${partition}]`
        const at = committed.get(name) ?? firsts.get(name)
        const end = ends.get(name)
        const reader = readers.get(name)
        const isKnown = at !== undefined && end !== undefined
        return {
          name,
          ...(isKnown && { behind: Math.max(0, Number(end - at)) }),
          ...(reader !== undefined && { reader }),
          ...(end === undefined && { problem: 'no broker leads it' }),
        }
      }),
    )
  } catch (thrown) {
    throw kafkaFault(options.name, thrown)
  } finally {
    await admin.close().catch(() => undefined)
  }
}

type Listed = readonly { readonly name: string; readonly partitions: readonly number[] }[]

async function offsetsOf(
  admin: Admin,
  all: Listed,
  at: keyof typeof timestamps,
): Promise<ReadonlyMap<string, bigint>> {
  const topics = all.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((partitionIndex) => ({ partitionIndex, timestamp: timestamps[at] })),
  }))
  const listed = await admin.listOffsets({ topics, isolationLevel: readCommitted })
  return new Map(
    listed.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, offset }) => [`${name}[${partitionIndex}]`, offset] as const),
    ),
  )
}

async function committedOf(admin: Admin, group: string): Promise<ReadonlyMap<string, bigint>> {
  const groups = await admin.listConsumerGroupOffsets({ groups: [group] })
  return new Map(
    groups.flatMap(({ topics }) =>
      topics.flatMap(({ name, partitions }) =>
        partitions
          .filter(({ committedOffset }) => committedOffset >= 0n)
          .map(
            ({ partitionIndex, committedOffset }) => [`${name}[${partitionIndex}]`, committedOffset] as const,
          ),
      ),
    ),
  )
}

async function readersOf(admin: Admin, group: string): Promise<ReadonlyMap<string, string>> {
  const members = (await admin.describeGroups({ groups: [group] })).get(group)?.members.values() ?? []
  return new Map(
    [...members].flatMap(({ id, clientHost, assignments }) =>
      [...(assignments?.values() ?? [])].flatMap(({ topic, partitions }) =>
        partitions.map((partition) => [`${topic}[${partition}]`, `${id} at ${clientHost}`] as const),
      ),
    ),
  )
}

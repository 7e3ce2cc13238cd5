// Topics, or a window of them, as history: read by nobody's group, from the beginning as often as anybody
// asks, with a checkpoint of its own. What is not there any more is said. Upholds I3 and I4.
import { InturnError } from '../../core/errors.ts'
import { isRecord } from '../../core/parse-message.ts'
import type { Checkpoint, ReadRequest, Source, SourceExtent, SourceWindow } from '../../ports/source.ts'
import { systemTimers } from '../../ports/timers.ts'
import type { HeldDelivery } from './record-message.ts'
import { TopicClient } from './topic-client.ts'
import type { TopicClientOptions } from './topic-client.ts'
import type { TopicReaderParts } from './topic-reader.ts'
import { TopicReader } from './topic-reader.ts'
import type { NamedWindow, PartitionWindow } from './topic-window.ts'
import { namedWindow, newestOf, openWindow, windowText } from './topic-window.ts'

/** What a history is made of. */
export interface KafkaHistoryParts extends Omit<TopicReaderParts, 'name'> {
  readonly client: TopicClientOptions
  readonly window: NamedWindow
  /** Of a longer window only its newest records are read. Default: all of them are. */
  readonly recordsMax?: number
}

/** How often the checkpoint is saved at most, in milliseconds; at close too. */
const checkpointMs = 1_000

/** The source itself; made by `kafkaHistory`. */
export class KafkaHistory implements Source<HeldDelivery> {
  readonly kind = 'log'
  readonly name: string
  readonly #parts: KafkaHistoryParts
  #client: TopicClient | undefined
  #reader: TopicReader | undefined
  #checkpoint: Checkpoint | undefined
  /** What is read, as it was when it was opened. */
  #window: readonly PartitionWindow[] = []
  #saved = ''
  #savedAtMs = -Infinity
  #saving: Promise<void> | undefined

  constructor(parts: KafkaHistoryParts) {
    const { text } = parts.window
    this.name = `${parts.client.name}${text === '' ? '' : ` ${text}`}`
    this.#parts = parts
  }

  past(window: SourceWindow): Source {
    const { client, recordsMax: _, ...parts } = this.#parts
    const named = namedWindow(window, { by: client.name, topics: client.topics })
    return new KafkaHistory({ ...parts, client, window: named })
  }

  /** The offsets that are read, for people. */
  get offsets(): string {
    return windowText(this.#window)
  }

  async open(checkpoint: Checkpoint): Promise<void> {
    const { client: options, window, recordsMax = Infinity } = this.#parts
    const known = bookmarkIn(await checkpoint.load())
    const client = await TopicClient.open({ ...options, name: this.name })
    try {
      const about = { topics: options.topics, now: Date.now() }
      this.#window = newestOf(await openWindow(client, window, about), recordsMax)
      const nothing = (): void => undefined
      const news = { fetched: nothing, changed: nothing, replaced: nothing, missing: nothing }
      const reader = new TopicReader(client, { ...this.#parts, name: this.name }, news)
      const isFollowed = window.until === undefined && recordsMax === Infinity
      for (const one of this.#window) {
        const partition = reader.add(one)
        const until = isFollowed ? Infinity : one.until
        partition.window = { from: one.from, until }
        partition.begin(known.get(keyOf(partition)) ?? one.from)
      }
      this.#sayWhatIsGone(reader, known)
      this.#checkpoint = checkpoint
      this.#reader = reader
      this.#client = client
    } catch (error) {
      await client.close()
      throw error
    }
  }

  async read(request: ReadRequest): Promise<readonly HeldDelivery[]> {
    const taken = await this.#use().read(request, () => undefined)
    if (taken.length === 0) await this.#saveWhenDue()
    return taken
  }

  async settle(deliveries: readonly HeldDelivery[]): Promise<void> {
    for (const { heldBy, ticket } of deliveries) heldBy.settle(ticket)
    await this.#saveWhenDue()
  }

  release(): Promise<void> {
    return Promise.resolve()
  }

  async isCaughtUp(): Promise<boolean> {
    return this.#use().isCaughtUp()
  }

  async extent(): Promise<SourceExtent> {
    return this.#use().extent()
  }

  async close(): Promise<void> {
    const [client, reader] = [this.#client, this.#reader]
    this.#client = undefined
    if (client === undefined) return
    try {
      await this.#saving
      await this.#save()
    } finally {
      this.#reader = undefined
      this.#checkpoint = undefined
      await client.close()
      await reader?.close()
    }
  }

  #use(): TopicReader {
    if (this.#reader !== undefined) return this.#reader
    throw new InturnError('source-unavailable', `${this.name}: it is not open`)
  }

  /** Of places that were named each loss is told when it is met; of the rest nobody knows what there was. */
  #sayWhatIsGone(reader: TopicReader, known: ReadonlyMap<string, number>): void {
    const gone = this.#window.filter((one) => {
      const partition = reader.partitions.get(`${one.topic}[${one.partition}]`)
      const isNew = partition !== undefined && !known.has(keyOf(partition))
      return isNew && one.first > 0 && one.from === one.first && one.until > one.from
    })
    if (gone.length === 0) return
    const places = gone.map(({ topic, partition, first }) => `${topic}[${partition}]@${first}`).join(', ')
    reader.warn(`what lay in front of ${places} was removed from the log, and is not in this history`)
  }

  async #saveWhenDue(): Promise<void> {
    if (this.#saving !== undefined || systemTimers.elapsedMs() - this.#savedAtMs < checkpointMs) return
    // A note that cannot be kept now is kept the next time: until then more records come again.
    this.#saving = this.#save().catch(() => undefined)
    await this.#saving
    this.#saving = undefined
  }

  async #save(): Promise<void> {
    const partitions = [...(this.#reader?.partitions.values() ?? [])]
    const offsets = partitions.map((partition) => [keyOf(partition), partition.settledTo ?? 0] as const)
    const text = JSON.stringify(Object.fromEntries(offsets))
    if (text === this.#saved) return
    await this.#checkpoint?.save(text)
    this.#saved = text
    this.#savedAtMs = systemTimers.elapsedMs()
  }
}

/** What tells a partition from one of a topic that had its name before. */
function keyOf({ name, topicId }: { readonly name: string; readonly topicId: string }): string {
  return `${name} ${topicId}`
}

/** Where each partition is to be read on; empty where there is no note that can be read. */
function bookmarkIn(note: string | undefined): ReadonlyMap<string, number> {
  try {
    const fields: unknown = JSON.parse(note ?? '{}')
    if (!isRecord(fields)) return new Map()
    return new Map(
      Object.entries(fields).flatMap(([key, offset]) =>
        Number.isSafeInteger(offset) ? [[key, Number(offset)] as const] : [],
      ),
    )
  } catch {
    return new Map()
  }
}

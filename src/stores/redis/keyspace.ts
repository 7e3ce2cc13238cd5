// Where everything lies. Streams are spread over a fixed number of shards; all keys of a shard bear its name
// in braces, so that a cluster keeps them in one slot, and a script may use several of them.
import { fingerprint } from '../../core/fingerprint.ts'
import type { StreamPath } from '../../core/stream-path.ts'

/** The keys of a store. */
export class Keyspace {
  readonly shards: number
  readonly #prefix: string

  constructor(prefix: string, shards: number) {
    this.#prefix = prefix
    this.shards = shards
  }

  /** The shard of a stream, from 0. */
  shardOf(path: StreamPath): number {
    return fingerprint(path) % this.shards
  }

  /** What the keys of a consumer begin with in a shard; the shard `shards` has what belongs to no stream. */
  base(consumer: string, shard: number): string {
    return shard === this.shards
      ? `{${this.#prefix}}:consumer:${keyPart(consumer)}`
      : `{${this.#prefix}:${shard}}:${keyPart(consumer)}`
  }

  /** What the keys of a consumer begin with that belong to no stream. */
  home(consumer: string): string {
    return this.base(consumer, this.shards)
  }

  /** The names of all consumers. */
  get consumers(): string {
    return `{${this.#prefix}}:consumers`
  }

  /** How the store is laid out. */
  get layout(): string {
    return layoutKey(this.#prefix)
  }

  lease(name: string): string {
    return `{${this.#prefix}}:lease:${keyPart(name)}`
  }

  get leaseFence(): string {
    return `{${this.#prefix}}:lease-fence`
  }
}

/** The key that says how a store is laid out. */
export function layoutKey(prefix: string): string {
  return `{${prefix}}:layout`
}

/** A name as part of a key: different for different names, and without colons and braces. */
function keyPart(name: string): string {
  return encodeURIComponent(JSON.stringify(name).slice(1, -1))
}

/** A text as UTF-8 can keep it: JavaScript's may have halves of a surrogate pair, which UTF-8 has not. */
export function keptText(text: string): string {
  return JSON.stringify(text)
}

/** The text that {@link keptText} was made of. */
export function originalText(kept: string): string {
  return String(JSON.parse(kept))
}

// Waits until a stream has more, on a connection of its own, so that no other command waits behind it. It
// only looks: an entry that nobody waits for any more is still with the group. Upholds I3.
import { systemTimers } from '../../ports/timers.ts'
import type { AnyClient, RedisDuplicate } from '../../redis/redis-client.ts'
import { endClient, sendTo } from '../../redis/redis-client.ts'

/** Longer than this nobody waits in one go: a connection that died silently is noticed. */
const longestWaitMs = 5_000
/** How long to wait where the connection failed, before somebody looks again. */
const blindWaitMs = 100

/** A client that is ours, not connected yet. */
type OwnClient = RedisDuplicate & AnyClient

/** The connection that waits. */
export class NewEntries {
  readonly #anotherClient: () => OwnClient
  readonly #stream: string
  readonly #replyMs: number
  #client: OwnClient | undefined
  #waiting: Promise<void> | undefined

  constructor(
    anotherClient: () => OwnClient,
    options: { readonly stream: string; readonly replyMs: number },
  ) {
    this.#anotherClient = anotherClient
    this.#stream = options.stream
    this.#replyMs = options.replyMs
  }

  /**
   * Resolves when there may be an entry behind an id, and after the time at the latest; never rejects. A wait
   * that was begun before and is still going on is joined: it began at a lower id, so it misses nothing.
   */
  async wait(after: string, waitMs: number): Promise<void> {
    this.#waiting ??= this.#block(after, Math.min(waitMs, longestWaitMs)).finally(() => {
      this.#waiting = undefined
    })
    await this.#waiting
  }

  /** Ends the connection; a later wait makes another one. */
  close(): void {
    this.#end()
  }

  async #block(after: string, waitMs: number): Promise<void> {
    const blockMs = Math.max(1, Math.ceil(waitMs))
    const late = new AbortController()
    try {
      const isLate = systemTimers.sleep(blockMs + this.#replyMs, late.signal)
      await Promise.race([this.#look(after, blockMs), isLate.then(() => Promise.reject(new Error('late')))])
    } catch {
      this.#end()
      await systemTimers.sleep(Math.min(waitMs, blindWaitMs))
    } finally {
      late.abort()
    }
  }

  async #look(after: string, blockMs: number): Promise<void> {
    const client = this.#client ?? (await this.#connect())
    const args = ['XREAD', 'COUNT', '1', 'BLOCK', String(blockMs), 'STREAMS', this.#stream, after]
    await sendTo(client, this.#stream, args, this.#replyMs)
  }

  async #connect(): Promise<OwnClient> {
    const client = this.#anotherClient()
    this.#client = client
    await client.connect()
    return client
  }

  #end(): void {
    const client = this.#client
    this.#client = undefined
    endClient(client)
  }
}

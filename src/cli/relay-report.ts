// What a running relay says on standard error: whose turn it is, what fails and when it is tried again, and
// on a terminal how far it is behind.
import { spell } from '../core/time-words.ts'
import type { RelayNews } from '../ports/relay-news.ts'
import type { RelayOptions } from '../producer/relay/relay-parts.ts'
import { ProgressLine } from './progress-line.ts'
import { say } from './say.ts'
import { grouped } from './table.ts'

/** Tells what a relay does. */
export class RelayReport {
  readonly #progress = new ProgressLine()
  readonly #startedMs = performance.now()
  readonly #shards: number
  readonly #isLoggedElsewhere: boolean
  #events = 0

  /** What fails is said where the configuration has no `logger` of its own. */
  constructor({ shards = 1, logger }: Pick<RelayOptions, 'shards' | 'logger'>) {
    this.#shards = shards
    this.#isLoggedElsewhere = logger !== undefined
  }

  /** Says a line. */
  say(text: string): void {
    this.#progress.clear()
    say(text)
  }

  /** Takes in what a relay tells. */
  tell(news: RelayNews): void {
    if (this.#isLoggedElsewhere && (news.kind === 'relay-lost' || news.kind === 'relay-failed')) return
    switch (news.kind) {
      case 'relay-sent':
        this.#events += news.events
        break
      case 'relay-lag': {
        const behind = news.events === 0 ? 'nothing waits' : `${grouped(news.events)} wait`
        const since = news.events === 0 ? '' : `, the oldest for ${spell(news.ageMs)}`
        this.#progress.show(`${grouped(this.#events)} sent, ${behind}${since}`)
        break
      }
      case 'relay-taken':
        this.say(`${this.#named(news.shard)}sending what lies behind place ${grouped(news.through)}`)
        break
      case 'relay-lost':
        this.say(`${this.#named(news.shard)}the lease is lost, another relay may send now`)
        break
      case 'relay-failed':
        this.say(`${this.#named(news.shard)}next try in ${spell(news.retryInMs)}: ${news.error.message}`)
        break
      case 'relay-recovered':
        this.say(`${this.#named(news.shard)}it works again`)
    }
  }

  /** What it came to. */
  summary(): string {
    return `${grouped(this.#events)} events in ${spell(performance.now() - this.#startedMs)}`
  }

  #named(shard: number): string {
    return this.#shards === 1 ? '' : `shard ${shard} of ${this.#shards}: `
  }
}

// Says loudly what a stream has lost: entries that were trimmed or deleted before they were settled. inturn
// cannot bring them back; their numbers are gaps. Upholds I3.
import { isBefore, lowestId } from './stream-entry.ts'

/** What is told of one group. */
export class Losses {
  readonly #tell: (message: string) => void
  readonly #name: string
  /** Up to which id it was told that entries were removed unread. */
  #toldUpTo = lowestId
  #lastMessage = ''

  constructor(name: string, tell: (message: string) => void) {
    this.#name = name
    this.#tell = tell
  }

  /** What was deleted before a group existed is no loss of that group. */
  begin(deleted: string): void {
    this.#toldUpTo = deleted
  }

  /** Tells of entries that were removed behind what the group had read. */
  checkUnread(unread: { readonly before: string; readonly lost: number; readonly deleted: string }): void {
    const { before, lost, deleted } = unread
    const isDeleted = isBefore(before, deleted) && isBefore(this.#toldUpTo, deleted)
    if (isDeleted) this.#toldUpTo = deleted
    if (lost > 0) {
      this.tell(
        `${lost} entries behind ${before} were trimmed before the group had read them. ` +
          'Give the stream a larger MAXLEN, or let inturn trim it',
      )
    } else if (isDeleted) {
      this.tell(`entries up to ${deleted} were deleted before the group had read them; it had read ${before}`)
    }
  }

  /** Entries that were pending, and are no longer there to be read. */
  pendingGone(ids: readonly string[]): void {
    const some = ids.slice(0, 3).join(', ')
    const more = ids.length > 3 ? ` and ${ids.length - 3} more` : ''
    this.tell(`entries were trimmed or deleted before they were settled, and cannot be read: ${some}${more}`)
  }

  /** Entries that are in hand here, and are no longer there for anybody else. */
  inHandGone(count: number): void {
    this.tell(
      `${count} entries that are in hand were trimmed or deleted before they were settled; ` +
        'if this process ends before that, nobody will deliver them again',
    )
  }

  /** Entries that were handed back, and are no longer there. */
  handedBackGone(count: number): void {
    this.tell(`${count} entries were trimmed or deleted before they were settled; nobody will deliver them`)
  }

  /** Tells a message, unless it was the last one. */
  tell(message: string): void {
    if (message === this.#lastMessage) return
    this.#lastMessage = message
    this.#tell(`${this.#name}: ${message}`)
  }
}

// Sends appends one group after the other: while one is under way, those that come are kept, and then go
// together. So they take the order of their calls whatever becomes of a call on its way (a script that has to
// be sent again, a node that has moved), and many of them cost one round trip. Upholds I1.
import type { Appended } from '../../../core/logged-event.ts'
import type { PreparedAppend } from '../../../core/plan-append.ts'
import { sizeOf } from './append-script.ts'

/** What became of a batch; what refused it is thrown when it is asked for. */
export type AppendEnd = () => readonly Appended[]

/** Sends batches that are appended one after the other, each as a whole or not at all. */
export type SendAppends = (batches: readonly (readonly PreparedAppend[])[]) => Promise<readonly AppendEnd[]>

interface Waiting {
  readonly batch: readonly PreparedAppend[]
  readonly size: { readonly events: number; readonly bytes: number }
  readonly settle: PromiseWithResolvers<readonly Appended[]>
}

/** A script keeps the server from everything else, so a group is small; a batch that is larger goes alone. */
const groupMax = { events: 1_000, bytes: 4_194_304 }

/** The appends of one log. */
export class AppendQueue {
  readonly #send: SendAppends
  readonly #waiting: Waiting[] = []
  #isSending = false

  constructor(send: SendAppends) {
    this.#send = send
  }

  append(batch: readonly PreparedAppend[]): Promise<readonly Appended[]> {
    const settle = Promise.withResolvers<readonly Appended[]>()
    this.#waiting.push({ batch, size: sizeOf(batch), settle })
    if (!this.#isSending) this.#sendNext()
    return settle.promise
  }

  /** Sends a group, and when that has ended the next one, as long as there is one. */
  #sendNext(): void {
    const group = this.#take()
    this.#isSending = group.length > 0
    if (!this.#isSending) return
    this.#send(group.map(({ batch }) => batch))
      .then(
        (ends) => {
          for (const [index, { settle }] of group.entries()) settleBy(settle, ends[index])
        },
        (error: unknown) => {
          for (const { settle } of group) settle.reject(error)
        },
      )
      .finally(() => this.#sendNext())
  }

  #take(): Waiting[] {
    const total = { events: 0, bytes: 0 }
    const end = this.#waiting.findIndex(({ size }, index) => {
      total.events += size.events
      total.bytes += size.bytes
      return index > 0 && (total.events > groupMax.events || total.bytes > groupMax.bytes)
    })
    return this.#waiting.splice(0, end === -1 ? this.#waiting.length : end)
  }
}

function settleBy(settle: Waiting['settle'], end: AppendEnd | undefined): void {
  try {
    settle.resolve(end?.() ?? [])
  } catch (error) {
    settle.reject(error)
  }
}

// What sinks share: requests of a bounded size, and an end to waiting for one. Upholds I7.
import type { SinkMessage } from './sink.ts'

/** How large a request may be. */
interface RequestLimits {
  readonly messagesMax: number
  /** Only a message that is larger by itself brings a request above so many bytes. */
  readonly bytesMax: number
}

/** The messages of each request, in their order. */
export function requestsOf(
  messages: readonly SinkMessage[],
  { messagesMax, bytesMax }: RequestLimits,
): readonly SinkMessage[][] {
  const requests: SinkMessage[][] = []
  let bytes = Infinity
  for (const message of messages) {
    const own = Buffer.byteLength(message.json)
    if (bytes + own > bytesMax || (requests.at(-1)?.length ?? 0) >= messagesMax) {
      requests.push([])
      bytes = 0
    }
    requests.at(-1)?.push(message)
    bytes += own
  }
  return requests
}

/** Resolves when the request has ended, or the signal fires: then it may still happen, in its order. */
export async function orAborted(request: Promise<unknown>, signal: AbortSignal): Promise<void> {
  let forget = (): void => undefined
  const aborted = new Promise<void>((resolve) => {
    const onAbort = (): void => resolve()
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort)
    forget = () => signal.removeEventListener('abort', onAbort)
  })
  try {
    await Promise.race([request, aborted])
  } finally {
    forget()
  }
}

/** Sends that are under way: whoever closes a sink waits for them. */
export class SendsUnderWay {
  readonly #all = new Set<Promise<void>>()

  /** Notes a send until it has ended. */
  add(sending: Promise<void>): Promise<void> {
    this.#all.add(sending)
    const forget = (): void => void this.#all.delete(sending)
    sending.then(forget, forget)
    return sending
  }

  /** Resolves once all of them have ended, well or not. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.#all)
  }
}

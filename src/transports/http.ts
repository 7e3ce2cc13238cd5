// Heals gaps from a web service that can read a stream's history back: asked by an address with the range in
// it, it answers with a JSON array or NDJSON. Upholds I7: an answer is read no further than its limit.
import { checkFunctions, checkNames } from '../core/check-names.ts'
import { InturnError } from '../core/errors.ts'
import { errorMessage, errorText, fieldOf } from '../core/thrown.ts'
import { checkCounts } from '../core/whole-number.ts'
import type { Healer, HealRequest } from '../ports/healer.ts'
import type { AddressTemplate } from './http/address-template.ts'
import { addressTemplate } from './http/address-template.ts'
import { splitEvents } from './http/split-events.ts'

/** Names and values of headers. */
export type RequestHeaders = Readonly<Record<string, string>>

/** Options of {@link httpHealer}. */
export interface HttpHealerOptions {
  /** Sent with each request; a function is asked each time, for instance for a token. */
  readonly headers?: RequestHeaders | (() => RequestHeaders | Promise<RequestHeaders>)
  /** Instead of the platform's `fetch`. */
  readonly fetch?: typeof globalThis.fetch
  /** The largest answer that is read, in bytes. Default 64 MiB. */
  readonly bytesMax?: number
}

/**
 * A healer that asks a web service.
 *
 * @param address - with places for what is asked, each percent-encoded: `{domain}`, `{stream}`, `{epoch}`,
 *   `{from}`, `{to}` (as they are on the wire; `{from}` is empty where a chain's beginning is unknown) and
 *   `{limit}`. A name and a password in it (`https://user:password@host/...`) are sent as a header
 * @throws InturnError `config-invalid` for what is no address, lacks `{stream}`, `{from}` or `{to}`, or
 * for an option that is unknown or out of its range
 * @example
 * const service = 'https://log.example/events/{domain}/{stream}?from={from}&to={to}&limit={limit}'
 * const gap = { heal: { with: httpHealer(service, { headers: { authorization: 'Bearer ...' } }) } }
 */
export function httpHealer(address: string, options: HttpHealerOptions = {}): Healer {
  checkNames(options, 'httpHealer', ['headers', 'fetch', 'bytesMax'] satisfies (keyof HttpHealerOptions)[])
  const { headers = {}, fetch = globalThis.fetch, bytesMax = 64 * 1024 * 1024 } = options
  checkCounts('httpHealer', { bytesMax })
  checkFunctions('httpHealer', { fetch })
  if (typeof headers !== 'function' && (typeof headers !== 'object' || headers === null)) {
    throw new InturnError('config-invalid', 'httpHealer: headers takes names and values, or a function')
  }
  return new HttpHealer(addressTemplate(address), { headers, fetch, bytesMax })
}

class HttpHealer implements Healer {
  readonly name: string
  readonly #template: AddressTemplate
  readonly #options: Required<HttpHealerOptions>

  constructor(template: AddressTemplate, options: Required<HttpHealerOptions>) {
    this.name = `http ${template.host}`
    this.#template = template
    this.#options = options
  }

  async heal(request: HealRequest): Promise<readonly string[]> {
    const headers = await this.#headers()
    const response = await this.#fetch(request, headers)
    const { status } = response
    if (status === 404 || status === 204) {
      await response.body?.cancel()
      return []
    }
    if (!response.ok) {
      const said = withoutSecret(await this.#beginningOf(response), headers)
      throw this.#unavailable(`answered ${status}${said === '' ? '' : `: ${said}`}`)
    }
    const events = splitEvents(await this.#read(response))
    if (events === undefined) throw this.#unavailable('answered with a JSON array that does not end')
    return events
  }

  /** What is sent with a request; what the user gives counts before what inturn has. */
  async #headers(): Promise<Headers> {
    const { headers } = this.#options
    const given = typeof headers === 'function' ? await headers() : headers
    const sent = headersOf(this.name, given)
    if (!sent.has('accept')) sent.set('accept', 'application/x-ndjson, application/json')
    const { authorization } = this.#template
    if (authorization !== undefined && !sent.has('authorization')) sent.set('authorization', authorization)
    return sent
  }

  async #fetch(request: HealRequest, headers: Headers): Promise<Response> {
    const { fetch } = this.#options
    const { signal } = request
    try {
      return await fetch(this.#template.addressOf(request), { headers, signal })
    } catch (cause) {
      if (cause instanceof InturnError || signal.aborted) throw cause
      throw this.#unavailable(`cannot be reached: ${reasonOf(cause)}`, cause)
    }
  }

  /** The whole answer as text. */
  async #read(response: Response): Promise<string> {
    const { bytesMax } = this.#options
    const decoder = new TextDecoder('utf-8', { fatal: true })
    let [text, bytes] = ['', 0]
    for await (const part of partsOf(response)) {
      bytes += part.length
      if (bytes > bytesMax) throw this.#unavailable(`answered with more than ${bytesMax} bytes`)
      text += decoder.decode(part, { stream: true })
    }
    return text + decoder.decode()
  }

  /** The first words of an answer that is an error. */
  async #beginningOf(response: Response): Promise<string> {
    for await (const part of partsOf(response)) return new TextDecoder().decode(part).slice(0, 200).trim()
    return ''
  }

  #unavailable(problem: string, cause?: unknown): InturnError {
    return new InturnError('source-unavailable', `${this.name} ${problem}`, { retryable: true, cause })
  }
}

/** The platform would name a value that cannot be sent; it may be a secret. */
function headersOf(healer: string, given: RequestHeaders): Headers {
  try {
    return new Headers(given)
  } catch {
    const names = Object.keys(given).join(', ')
    throw new InturnError('config-invalid', `${healer}: a header cannot be sent as it is, of ${names}`)
  }
}

/** What a service says, without the credentials that it was sent: some say again what they were asked. */
function withoutSecret(said: string, headers: Headers): string {
  const secret = headers.get('authorization')?.split(' ').at(-1) ?? ''
  return secret === '' ? said : said.replaceAll(secret, '***')
}

/** The bytes of an answer, as they come. */
async function* partsOf({ body }: Response): AsyncGenerator<Uint8Array> {
  if (body === null) return
  const parts: AsyncIterable<Uint8Array> = body
  yield* parts
}

/** What went wrong; `fetch` says it in the cause of its error. */
function reasonOf(error: unknown): string {
  const cause = fieldOf(error, 'cause')
  return cause === undefined ? errorText(error) : errorMessage(cause)
}

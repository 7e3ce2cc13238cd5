// An address with places for what is asked: `https://host/events/{domain}/{stream}?from={from}&to={to}`.
// What is filled in is percent-encoded, so that no stream key can change which place is asked.
import { InturnError } from '../../core/errors.ts'
import type { HealRequest } from '../../ports/healer.ts'

/** What an address can have places for. */
const names = ['domain', 'stream', 'epoch', 'from', 'to', 'limit'] as const
type Name = (typeof names)[number]

const place = /\{([^{}]*)\}/g
/** What stands in front of the host; a URL takes what comes before the last `@` for it. */
const userInfo = /^(\s*https?:[/\\]*)[^/\\?#]*@/i
const dots = /^(?:\.|%2e){1,2}$/i

/** Where a web service is asked. */
export interface AddressTemplate {
  readonly host: string
  /** The header for the name and the password of the address: no request has them in its address. */
  readonly authorization: string | undefined
  /** The address for one request. */
  readonly addressOf: (request: HealRequest) => string
}

/**
 * Reads a template.
 *
 * @throws InturnError `config-invalid` when it is no address of a web server, or has places that are unknown
 */
export function addressTemplate(template: string): AddressTemplate {
  const fail = (problem: string): never => {
    throw new InturnError('config-invalid', `httpHealer: ${problem}`)
  }
  if (typeof template !== 'string') fail(`the address is a text, not ${typeof template}`)
  for (const [, name = ''] of template.matchAll(place)) {
    if (!isName(name)) fail(`{${name}} is no place of an address; there are {${names.join('}, {')}}`)
  }
  for (const name of ['stream', 'from', 'to']) {
    if (!template.includes(`{${name}}`)) fail(`the address has no place for {${name}}`)
  }
  const example = template.replace(place, '1')
  if (!URL.canParse(example)) fail(`${template} is no address`)
  const { protocol, host, username, password } = new URL(example)
  if (protocol !== 'http:' && protocol !== 'https:') fail(`${template} is no http or https address`)
  const other = new URL(template.replace(place, '2'))
  if (other.host !== host) fail('the host of an address is fixed')
  if (other.username !== username || other.password !== password) {
    fail('the name and the password of an address are fixed')
  }
  const bare = template.replace(userInfo, '$1')
  const { host: bareHost, username: left } = new URL(bare.replace(place, '1'))
  if (bareHost !== host || left !== '') fail(`${template} is written in a way that hides its host`)
  const authorization = basicOf({ username, password }, fail)
  return { host, authorization, addressOf: (request) => fillIn(bare, request) }
}

/** RFC 7617: a name without a colon, and a password, as UTF-8. */
function basicOf(
  { username, password }: { readonly username: string; readonly password: string },
  fail: (problem: string) => never,
): string | undefined {
  if (username === '' && password === '') return undefined
  try {
    const [name, secret] = [decodeURIComponent(username), decodeURIComponent(password)]
    if (!name.includes(':')) return `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`
  } catch {
    // A per cent sign that begins no byte.
  }
  return fail('the name and the password of an address are percent-encoded, and a name has no colon')
}

function fillIn(template: string, request: HealRequest): string {
  const { domain, stream, epoch, limit } = request
  const { from, to } = request.wire ?? request
  const values: Readonly<Record<Name, string>> = {
    domain,
    stream,
    epoch: String(epoch),
    from: from === null ? '' : String(from),
    to: String(to),
    limit: String(limit),
  }
  const address = template.replace(place, (_, name: string) =>
    encodeURIComponent(isName(name) ? values[name] : ''),
  )
  const [path = ''] = address.split(/[?#]/, 1)
  if (path.split('/').some((part) => dots.test(part))) {
    throw new InturnError('usage', `the stream ${stream} cannot be a part of an address`)
  }
  return address
}

function isName(name: string): name is Name {
  return names.some((known) => known === name)
}

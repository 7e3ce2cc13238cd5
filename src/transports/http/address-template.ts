// An address with places for what is asked: `https://host/events/{domain}/{stream}?from={from}&to={to}`.
// What is filled in is percent-encoded, so that no stream key can change which place is asked.
import { InturnError } from '../../core/errors.ts'
import type { HealRequest } from '../../ports/healer.ts'

/** What an address can have places for. */
const names = ['domain', 'stream', 'epoch', 'from', 'to', 'limit'] as const
type Name = (typeof names)[number]

const place = /\{([^{}]*)\}/g
const dots = /^(?:\.|%2e){1,2}$/i

/** The address for one request. */
export type AddressOf = (request: HealRequest) => string

/**
 * Reads a template.
 *
 * @throws InturnError `config-invalid` when it is no address of a web server, or has places that are unknown
 */
export function addressTemplate(template: string): AddressOf {
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
  const { protocol, host } = new URL(example)
  if (protocol !== 'http:' && protocol !== 'https:') fail(`${template} is no http or https address`)
  if (new URL(template.replace(place, '2')).host !== host) fail('the host of an address is fixed')
  return (request) => fillIn(template, request)
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

// Turns what the client reports into inturn's errors: what waiting may mend, and what somebody has to mend.
// Upholds I10.
import type { ErrorCode } from '../../core/errors.ts'
import { InturnError } from '../../core/errors.ts'
import { errorMessage, fieldOf } from '../../core/thrown.ts'

/** What no waiting mends, by what client, Node or broker call it; and what to look at, if that is known. */
const refused: readonly (readonly [RegExp, string])[] = [
  [
    /PLT_KFK_AUTHENTICATION|SASL_AUTHENTICATION_FAILED|ILLEGAL_SASL_STATE/,
    'the brokers refuse who asks: check the username and the password, or the token, of sasl',
  ],
  [
    /SELF_SIGNED|UNABLE_TO_(?:GET_ISSUER|VERIFY)|CERT_(?:UNTRUSTED|SIGNATURE_FAILURE)/,
    'the certificate of the brokers is not trusted: name the authority that has signed it as ssl.ca',
  ],
  [/CERT_(?:HAS_EXPIRED|NOT_YET_VALID)/, 'the certificate of the brokers is not valid now'],
  [
    /ERR_TLS_CERT_ALTNAME_INVALID/,
    'the certificate of the brokers is for other hosts than the one that brokers names: see ssl.servername',
  ],
  [/ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH)|EPROTO/, 'the brokers speak no TLS at this port: see ssl'],
  [/AUTHORIZATION_FAILED/, 'this user may not do that: see the access lists of topic and group'],
  [/TOO_LARGE|INVALID_GROUP_ID|INVALID_TOPIC|PLT_KFK_(?:UNSUPPORTED|USER)/, ''],
]

/** A failure of the client as an error of inturn. */
export function kafkaFault(
  name: string,
  thrown: unknown,
  code: Extract<ErrorCode, 'source-unavailable' | 'sink-unavailable'> = 'source-unavailable',
): InturnError {
  if (thrown instanceof InturnError) return thrown
  const causes = causesOf(thrown)
  const words = new Set(causes.map((cause) => wordsOf(cause)))
  const called = causes.map((cause) => namesOf(cause)).join(' ')
  const [, look] = refused.find(([names]) => names.test(called)) ?? []
  const what = [look ?? '', [...words].join('; ').slice(0, 1_000)].filter((text) => text !== '')
  return new InturnError(code, `${name}: ${what.join('. ')}`, {
    retryable: look === undefined,
    cause: thrown,
  })
}

/** What has failed, without the name of who says so. */
export function reasonOf(name: string, thrown: unknown): string {
  const { message } = kafkaFault(name, thrown)
  return message.startsWith(`${name}: `) ? message.slice(name.length + 2) : message
}

/** What Kafka's protocol calls a failure; several names where it is one of several parts. */
export function apiIdsOf(thrown: unknown): readonly string[] {
  return [...new Set(causesOf(thrown).map(apiIdOf))]
}

/** The errors that an error of several is made of. */
function causesOf(thrown: unknown, depth = 0): readonly unknown[] {
  const errors = fieldOf(thrown, 'errors')
  if (depth > 5 || !Array.isArray(errors) || errors.length === 0) return [thrown]
  return errors.slice(0, 10).flatMap((error: unknown) => causesOf(error, depth + 1))
}

function wordsOf(cause: unknown): string {
  const inner = fieldOf(cause, 'cause')
  const because = inner === undefined ? '' : ` (${errorMessage(inner)})`
  const id = apiIdOf(cause)
  return `${id === '' ? '' : `${id}: `}${errorMessage(cause)}${because}`
}

function apiIdOf(cause: unknown): string {
  const id = fieldOf(cause, 'apiId')
  return typeof id === 'string' ? id : ''
}

/** What an error and what it came of are called. */
function namesOf(cause: unknown, depth = 0): string {
  if (cause === undefined || depth > 5) return ''
  return `${String(fieldOf(cause, 'code'))} ${apiIdOf(cause)} ${namesOf(fieldOf(cause, 'cause'), depth + 1)}`
}

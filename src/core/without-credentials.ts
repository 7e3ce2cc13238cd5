// Takes secrets out of a text that people will read (an error, a dead letter, a line on a terminal): the name
// and password of a URL, and what is named as a secret. Whoever needs to know which server was meant still
// sees its host.

/** Up to the last `@` of the authority; where a password has a slash in it, up to the `@` behind that. */
const credentials = /(:\/\/)(?:[^\s/?#]{0,1000}|[^\s/?#@:]{0,200}:[^\s@]{0,1000})@/g

/**
 * What looks like them where somebody has typed a server in a form of their own: `user:password@host`. In
 * other texts it may be an id.
 */
const bareCredentials = /[^\s'"@:]{0,200}:(?!\/\/)\S{0,1000}@/g

/** What a parameter of a URL, or of a connection in the form `host=... password=...`, keeps secret. */
const secrets =
  /((?:password|passwd|passphrase|secret|token|api[-_]?key)=)(?:'[^']{0,1000}'|"[^"]{0,1000}"|[^\s&;#'"]+)/gi

/**
 * The text with `***` for every `user:password` in front of a host, and for every secret that is named so:
 * `?password=`, `token=`.
 *
 * @param about - `isTyped`: it says again what was given as an option, so that a host may have no scheme
 */
export function withoutCredentials(
  text: string,
  { isTyped = false }: { readonly isTyped?: boolean } = {},
): string {
  const named = text.includes('=') ? text.replace(secrets, '$1***') : text
  if (!named.includes('@')) return named
  const said = named.includes('://') ? named.replace(credentials, '$1***@') : named
  return isTyped ? said.replace(bareCredentials, '***@') : said
}

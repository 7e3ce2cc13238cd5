// Takes the name and password of a URL out of a text that people will read: an error, a dead letter, a line
// on a terminal. Whoever needs to know which server was meant still sees its host.

/** Up to the last `@` of the authority; where a password has a slash in it, up to the `@` behind that. */
const credentials = /(:\/\/)(?:[^\s/?#]{0,1000}|[^\s/?#@:]{0,200}:[^\s@]{0,1000})@/g

/** The text with `***` for every `user:password` in front of a host. */
export function withoutCredentials(text: string): string {
  return text.includes('://') ? text.replace(credentials, '$1***@') : text
}

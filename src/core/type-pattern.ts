// Event types as people select them: a name, or a pattern in which `*` stands for any text.

/** What matches a type, for example `account.opened` or `account.*`. */
export function typePattern(type: string): RegExp {
  const parts = type.split('*').map((part) => part.replaceAll(/[^\w]/g, '\\$&'))
  return new RegExp(`^${parts.join('[^]*')}$`)
}

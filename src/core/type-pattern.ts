// Event types as people select them: a name, or a pattern in which `*` stands for any text. Upholds I6 and
// I7: a type comes from data and may be as long as an event, so that matching takes time in proportion to it
// and keeps nothing of it.

/** What a list of patterns belongs to. */
interface Listed<Owner> {
  readonly owner: Owner
  /** Where it stands among all of them. */
  readonly place: number
}

/** Tells whether a type fits a pattern, for example `account.opened` or `account.*`. */
export function typePattern(pattern: string): (type: string) => boolean {
  const [head = '', ...others] = pattern.split('*')
  const tail = others.pop()
  if (tail === undefined) return (type) => type === head
  return (type) => {
    const end = type.length - tail.length
    let at = head.length
    if (at > end || !type.startsWith(head) || !type.endsWith(tail)) return false
    // The first place where a part fits leaves the most for those that follow: none has to be tried again.
    for (const part of others) {
      const found = type.indexOf(part, at)
      if (found === -1) return false
      at = found + part.length
    }
    return at <= end
  }
}

/** Finds whose pattern a type fits: of several the one that is listed first. */
export function typeOwner<Owner>(
  patterns: readonly { readonly pattern: string; readonly owner: Owner }[],
): (type: string) => Owner | undefined {
  const names = new Map<string, Listed<Owner>>()
  const wide: (Listed<Owner> & { readonly matches: (type: string) => boolean })[] = []
  for (const [place, { pattern, owner }] of patterns.entries()) {
    if (pattern.includes('*')) wide.push({ owner, place, matches: typePattern(pattern) })
    else if (!names.has(pattern)) names.set(pattern, { owner, place })
  }
  return (type) => {
    const named = names.get(type)
    const first = wide.find(({ place, matches }) => place < (named?.place ?? Infinity) && matches(type))
    return (first ?? named)?.owner
  }
}

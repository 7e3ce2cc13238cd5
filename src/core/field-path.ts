// Takes the path of a field apart: dots go into objects, and a backslash keeps one within a key.

/** The keys along a path: `data.user.id` has three, `data.user\.id` has two. `\\` is a backslash. */
export function pathKeys(path: string): string[] {
  const keys = ['']
  for (const piece of path.match(/\\[.\\]|[^]/g) ?? []) {
    if (piece === '.') keys.push('')
    else keys.push(`${keys.pop() ?? ''}${piece.length === 1 ? piece : piece.slice(1)}`)
  }
  return keys
}

// Whether two paths name one file: a transaction of another file would keep what belongs together apart.
import { realpathSync } from 'node:fs'

/** Whether two paths, of which the first is open, name one file. */
export function isSameFile(one: string, other: string): boolean {
  if (one === other) return true
  try {
    return realpathSync(one) === realpathSync(other)
  } catch {
    return false
  }
}

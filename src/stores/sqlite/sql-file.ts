// Statements live in files of their own, beside the code that runs them.
import { readFileSync } from 'node:fs'

/** The statement in a file, without the comment that explains it. */
export function sqlFile(url: URL): string {
  return readFileSync(url, 'utf8')
    .replaceAll(/^--.*\n/gm, '')
    .trim()
}

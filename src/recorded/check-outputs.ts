// Refuses, before hours of work, outputs that cannot be written or would overwrite what is read.
import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { InturnError } from '../core/errors.ts'

/** A file of a command; `undefined` if it is not asked for. */
export interface NamedFile {
  /** What it is, for the message: `the output`. */
  readonly name: string
  readonly path: string | undefined
}

/**
 * Checks the files that a command is to write.
 *
 * @param input - the log that is read; `-` is standard input
 * @throws InturnError `usage`
 */
export function checkOutputs(input: string, outputs: readonly NamedFile[]): void {
  const known: NamedFile[] = [{ name: 'the log itself', path: input === '-' ? undefined : input }]
  for (const output of outputs) {
    const { name, path } = output
    if (path === undefined) continue
    if (path === '-') throw refusal(path, `${name} is a file; ./- is one of that name`)
    const folder = statSync(dirname(path), { throwIfNoEntry: false })
    if (folder?.isDirectory() !== true) throw refusal(path, 'there is no such folder')
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
      throw refusal(path, 'it is a directory')
    const same = known.find((other) => other.path !== undefined && isSameFile(other.path, path))
    if (same !== undefined) throw refusal(path, `${name} would overwrite ${same.name}`)
    known.push(output)
  }
}

function refusal(path: string, because: string): InturnError {
  return new InturnError('usage', `Cannot write ${path}: ${because}`)
}

function isSameFile(a: string, b: string): boolean {
  if (a === b) return true
  const first = statSync(a, { throwIfNoEntry: false })
  const second = statSync(b, { throwIfNoEntry: false })
  if (first === undefined || second === undefined || !first.isFile()) return false
  return first.dev === second.dev && first.ino === second.ino
}

// Writes to files of a command; one that takes no more is named, as there may be several.
import { writeSync } from 'node:fs'
import { InturnError } from '../core/errors.ts'
import { errorCode, errorMessage } from '../core/thrown.ts'

/**
 * Writes all of some bytes to an open file.
 *
 * @throws InturnError `sink-unavailable`
 */
export function writeAll(file: number, bytes: Uint8Array, path: string): void {
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at)
  } catch (error) {
    throw cannotWrite(path, error)
  }
}

/** What is said of a file that takes no more. */
export function cannotWrite(path: string, error: unknown): InturnError {
  const because = errorCode(error) === 'ENOSPC' ? 'the disk is full' : errorMessage(error)
  return new InturnError('sink-unavailable', `Cannot write ${path}: ${because}`, { cause: error })
}

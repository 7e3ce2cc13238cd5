// A folder of log files for one test file.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A temporary folder that is removed with its files. */
export class LogFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'inturn-test-'))
  #files = 0

  /** Writes a new file; its path. */
  write(content: string | Uint8Array, extension = 'ndjson'): string {
    const path = join(this.path, `${this.#files++}.${extension}`)
    writeFileSync(path, content)
    return path
  }

  remove(): void {
    rmSync(this.path, { recursive: true })
  }
}

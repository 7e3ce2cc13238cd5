// A folder for what does not fit in memory, made when first needed and gone when the work ends, whichever way
// the process ends short of being killed.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A temporary folder, under the system's unless another place is named. */
export class TempFolder {
  readonly #parent: string
  #path: string | undefined
  #files = 0

  constructor(parent: string = tmpdir()) {
    this.#parent = parent
  }

  /** The path of a file that does not exist yet. */
  newFile(): string {
    if (this.#path === undefined) {
      this.#path = mkdtempSync(join(this.#parent, 'inturn-'))
      process.once('exit', this.#remove)
    }
    return join(this.#path, String(this.#files++))
  }

  /** Removes the folder with all that is in it. */
  [Symbol.dispose](): void {
    process.off('exit', this.#remove)
    this.#remove()
  }

  readonly #remove = (): void => {
    if (this.#path !== undefined) rmSync(this.#path, { recursive: true, force: true })
    this.#path = undefined
  }
}

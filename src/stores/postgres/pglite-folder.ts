// A folder with a database of PGlite in it, from its lock to its end. PGlite itself lets two processes into
// one folder, which destroys it, and never waits for the disk: here one has it, and what is committed lasts.
import { existsSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type * as Pglite from '@electric-sql/pglite'
import { InturnError } from '../../core/errors.ts'
import { errorMessage, fieldOf } from '../../core/thrown.ts'
import { loadPackage } from '../../ports/load-package.ts'
import { builtinSqlite } from '../../ports/runtime.ts'
import { startParams, syncedFiles, syncTree } from './pglite-files.ts'
import { valuesAsPg } from './pglite-values.ts'

const sqliteBusy = 5
const marker = 'PG_VERSION'

/** Where a database is. */
export interface PgliteFolder {
  /** For people. */
  readonly name: string
  /** Opens it, again after a crash of PGlite. @throws InturnError `store-unavailable` */
  open(): Promise<Pglite.PGlite>
  /** Whatever was open is closed: the folder is free. */
  free(): void
}

/** A database that ends with the process, or with a crash of PGlite. */
export class MemoryFolder implements PgliteFolder {
  readonly name = 'pglite memory://'
  #isOpened = false

  async open(): Promise<Pglite.PGlite> {
    const { PGlite } = await loadPglite()
    if (this.#isOpened) throw new InturnError('store-unavailable', `${this.name} has crashed, and is lost`)
    this.#isOpened = true
    return PGlite.create('memory://', valuesAsPg)
  }

  free(): void {}
}

/** A database in a folder. */
export class LockedFolder implements PgliteFolder {
  readonly name: string
  readonly #given: string
  #lock: DatabaseSync | undefined

  constructor(given: string, path: string) {
    this.name = `pglite ${given}`
    this.#given = path
  }

  async open(): Promise<Pglite.PGlite> {
    const { PGlite } = await loadPglite()
    const folder = this.#place()
    this.#lock ??= this.#take(`${folder}.lock`)
    try {
      if (!existsSync(join(folder, marker))) await this.#make(folder)
      return await PGlite.create({ ...valuesAsPg, fs: await syncedFiles(folder), startParams })
    } catch (error) {
      this.free()
      if (error instanceof InturnError) throw error
      throw this.#unavailable(`it cannot be opened (${errorMessage(error)})`, error)
    }
  }

  free(): void {
    this.#lock?.close()
    this.#lock = undefined
  }

  /** The folder by the one name that it has, whatever links lead to it: its lock is found by that. */
  #place(): string {
    const parent = dirname(this.#given)
    try {
      return existsSync(this.#given)
        ? realpathSync(this.#given)
        : join(realpathSync(parent), basename(this.#given))
    } catch (error) {
      throw this.#unavailable(`the folder ${parent} must exist (${errorMessage(error)})`, error)
    }
  }

  /**
   * A lock that the system takes back however the process ends. Whoever comes second may try again: a
   * predecessor that is ending has it for some moments more.
   */
  #take(file: string): DatabaseSync {
    const { DatabaseSync: Database } = builtinSqlite()
    let database: DatabaseSync | undefined
    try {
      database = new Database(file, { timeout: 0 })
      database.exec('BEGIN IMMEDIATE')
      return database
    } catch (error) {
      database?.close()
      const isTaken = (Number(fieldOf(error, 'errcode')) & 255) === sqliteBusy
      const why = 'another process, or another pool of this one, has the folder'
      const how = `PGlite takes one at a time, so end that one first (its lock is ${file})`
      if (isTaken) throw this.#unavailable(`${why}: ${how}`, error)
      throw this.#unavailable(`its lock ${file} cannot be taken (${errorMessage(error)})`, error)
    }
  }

  /** Makes the database beside its place: there it is whole, or is not at all. */
  async #make(folder: string): Promise<void> {
    if (existsSync(folder) && readdirSync(folder).length > 0) {
      throw new Error(
        'the folder has files, and no database among them: name one that is empty, or not there',
      )
    }
    const { PGlite } = await loadPglite()
    const made = `${folder}.new`
    rmSync(made, { recursive: true, force: true })
    mkdirSync(made)
    const database = await PGlite.create(made)
    await database.close()
    syncTree(made)
    if (existsSync(folder)) rmSync(folder, { recursive: true })
    renameSync(made, folder)
    syncTree(dirname(folder), false)
  }

  #unavailable(why: string, cause: unknown): InturnError {
    return new InturnError('store-unavailable', `${this.name}: ${why}`, { retryable: true, cause })
  }
}

function loadPglite(): Promise<typeof Pglite> {
  return loadPackage('@electric-sql/pglite', () => import('@electric-sql/pglite'))
}

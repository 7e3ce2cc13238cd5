// The files of PGlite, which wait for the disk: its own answer Postgres at once when that asks for it, and it
// starts Postgres with `fsync` off. Upholds I4: what is settled after a commit survives a loss of power.
import { closeSync, fsyncSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Filesystem } from '@electric-sql/pglite/basefs'
import { InturnError } from '../../core/errors.ts'
import { fieldOf } from '../../core/thrown.ts'

/** PGlite's own, but for `-F`, which turns `fsync` off, and with the call that its files can answer. */
export const startParams: string[] = [
  '--single',
  '-O',
  '-j',
  ...[
    'search_path=public',
    'exit_on_error=false',
    'log_checkpoints=false',
    'max_worker_processes=0',
    'max_parallel_workers=0',
    'max_parallel_workers_per_gather=0',
    'max_parallel_maintenance_workers=0',
    'io_method=sync',
    'fsync=on',
    'wal_sync_method=fsync',
  ].flatMap((setting) => ['-c', setting]),
]

const wasiIoError = 29

/** The files in a folder. */
export async function syncedFiles(folder: string): Promise<Filesystem> {
  const { NodeFS } = await import('@electric-sql/pglite/nodefs')
  const files = new NodeFS(folder)
  const init = files.init.bind(files)
  files.init = async (database, given) => {
    const { emscriptenOpts } = await init(database, given)
    let running: object = {}
    const start = (module: object): void => {
      running = module
      answerSync(module)
    }
    const preRun = [...(emscriptenOpts.preRun ?? []), start]
    return { emscriptenOpts: { ...emscriptenOpts, preRun, onAbort: () => giveUp(running) } }
  }
  return files
}

/**
 * Postgres has given up (PANIC), as it does where its log cannot be written. PGlite would call it again, and
 * that call never comes back: from now on each fails, and so does what PGlite does after one that failed.
 */
function giveUp(module: object): void {
  const fail = (): never => {
    throw new Error('Postgres has given up')
  }
  const pass = (): void => undefined
  Object.assign(module, {
    _PostgresMainLoopOnce: fail,
    stackRestore: fail,
    _PostgresSendReadyForQueryIfNecessary: pass,
    _pgl_pq_flush: pass,
  })
}

/** Gives the files the operation that they lack, before Postgres starts. */
function answerSync(module: object): void {
  const nodeFiles = fieldOf(module, 'NODEFS')
  const operations = fieldOf(nodeFiles, 'stream_ops')
  const pathOf = fieldOf(nodeFiles, 'realPath')
  if (typeof operations !== 'object' || operations === null || typeof pathOf !== 'function') {
    const message =
      'this version of @electric-sql/pglite cannot wait for the disk: npm install @electric-sql/pglite@0.5'
    throw new InturnError('config-invalid', message)
  }
  const fsync = (stream: unknown): number => {
    try {
      const file = fieldOf(stream, 'nfd')
      if (typeof file === 'number') fsyncSync(file)
      else syncFile(String(Reflect.apply(pathOf, nodeFiles, [fieldOf(stream, 'node')])))
      return 0
    } catch {
      return wasiIoError
    }
  }
  Object.assign(operations, { fsync })
}

/** Has all that is in a folder, and the folder, on the disk; or the folder alone. */
export function syncTree(folder: string, isWhole = true): void {
  const below = isWhole ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : []
  for (const path of below) syncFile(join(folder, path))
  syncFile(folder)
}

function syncFile(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

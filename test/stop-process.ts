// Stops a process that writes to a SQLite file, wherever it stands but in a write. Whoever is stopped in one
// has the file's lock until it goes on, and nobody else can write: what a test of lost claims is not about.
import type { ChildProcess } from 'node:child_process'
import { execFileSync } from 'node:child_process'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

/** Stops a process with SIGSTOP; it stands when this resolves, and writes to the file can be made. */
export async function stopBetweenWrites(child: ChildProcess, file: string): Promise<void> {
  const database = new DatabaseSync(file, { timeout: 60_000 })
  try {
    // While the lock is held here, the process does not have it.
    database.exec('BEGIN IMMEDIATE')
    child.kill('SIGSTOP')
    while (!isStopped(child)) await sleep(1)
    database.exec('ROLLBACK')
  } finally {
    database.close()
  }
}

/** A signal is sent before it is obeyed. */
function isStopped({ pid }: ChildProcess): boolean {
  return execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('T')
}

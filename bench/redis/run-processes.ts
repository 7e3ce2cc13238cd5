// Runs a contender in processes of its own on an empty server, and measures from the moment when all of them
// are told to begin until all events are finished.
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createClient } from 'redis'
import type { Share } from './share.ts'

const entry = fileURLToPath(new URL('contender-process.ts', import.meta.url))

/** Works off a share's events in `parts` processes; resolves to how long that took, in milliseconds. */
export async function runProcesses(name: string, share: Omit<Share, 'part'>): Promise<number> {
  const client = createClient({ url: share.url })
  await client.connect()
  await client.flushAll()
  client.destroy()
  const parts = Array.from({ length: share.parts }, (_, part) => part)
  const processes = parts.map((part) => fork(entry, [name, JSON.stringify({ ...share, part })]))
  try {
    await Promise.all(processes.map((one) => once(one, 'message')))
    return await measured(processes, share.events)
  } finally {
    for (const one of processes) await ended(one)
  }
}

function measured(processes: readonly ChildProcess[], events: number): Promise<number> {
  const end = Promise.withResolvers<number>()
  const begun = performance.now()
  let left = events
  for (const one of processes) {
    one.on('exit', () => end.reject(new Error('a process of the bench has ended')))
    one.on('message', (finished) => {
      left -= Number(finished)
      if (left <= 0) end.resolve(performance.now() - begun)
    })
    one.send('begin')
  }
  return end.promise
}

async function ended(one: ChildProcess): Promise<void> {
  if (one.exitCode !== null || one.signalCode !== null) return
  const exit = once(one, 'exit')
  one.kill('SIGKILL')
  await exit
}

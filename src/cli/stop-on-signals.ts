// Ends a worker as the system asks: the first SIGTERM or SIGINT drains and stops it, a second one stops it at
// once. States: starting (nothing is in hand: a signal ends the process) -> working -> ended (as starting).
import type { Worker } from '../engine/worker.ts'
import type { RunReport } from './run-report.ts'
import { say } from './say.ts'

/** How long a worker that was told to stop at once may take before the process is ended under it. */
export const lastWordMs = 5_000

const signals = ['SIGTERM', 'SIGINT'] as const

/** From here on a signal ends the process, with the exit code that is set, as long as nothing is at work. */
export function endOnSignals(): void {
  for (const signal of signals) process.on(signal, endNow)
}

function endNow(signal: NodeJS.Signals): void {
  say(`${signal}: nothing is in hand`)
  process.exit()
}

/** Stops a worker on SIGTERM and SIGINT until the returned function is called. */
export function stopOnSignals(
  worker: Pick<Worker, 'stop' | 'stopNow'>,
  report: Pick<RunReport, 'say'>,
): () => void {
  let count = 0
  // A worker that fails while it stops fails in run(), where it is told.
  const stopped = (stop: Promise<void>): void => void stop.catch(() => undefined)
  const onSignal = (signal: NodeJS.Signals): void => {
    count++
    if (count === 1) {
      report.say(`${signal}: finishing what is in hand; once more to stop at once`)
      stopped(worker.stop())
    } else if (count === 2) {
      report.say(`${signal}: stopping at once; what was not committed comes again`)
      setTimeout(() => process.exit(1), lastWordMs).unref()
      stopped(worker.stopNow())
    } else process.exit(1)
  }
  // Somebody listens at any time: a signal that has come already, and is heard at the end of what runs now,
  // would be lost with its last listener.
  for (const signal of signals) process.on(signal, onSignal).off(signal, endNow)
  return () => {
    for (const signal of signals) process.on(signal, endNow).off(signal, onSignal)
  }
}

// Ends a worker as the system asks: the first SIGTERM or SIGINT drains and stops it, a second one stops it at
// once.
import type { Worker } from '../engine/worker.ts'
import type { RunReport } from './run-report.ts'

/** How long a worker that was told to stop at once may take before the process is ended under it. */
export const lastWordMs = 5_000

/** Stops a worker on SIGTERM and SIGINT until the returned function is called. */
export function stopOnSignals(
  worker: Pick<Worker, 'stop' | 'stopNow'>,
  report: Pick<RunReport, 'say'>,
): () => void {
  let signals = 0
  // A worker that fails while it stops fails in run(), where it is told.
  const stopped = (stop: Promise<void>): void => void stop.catch(() => undefined)
  const onSignal = (signal: NodeJS.Signals): void => {
    signals++
    if (signals === 1) {
      report.say(`${signal}: finishing what is in hand; once more to stop at once`)
      stopped(worker.stop())
    } else if (signals === 2) {
      report.say(`${signal}: stopping at once; what was not committed comes again`)
      setTimeout(() => process.exit(1), lastWordMs).unref()
      stopped(worker.stopNow())
    } else process.exit(1)
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  return () => {
    process.off('SIGTERM', onSignal)
    process.off('SIGINT', onSignal)
  }
}

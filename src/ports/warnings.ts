// Warnings of adaptors: for whoever wants them, or else for the process. Whoever hears them disturbs nothing.
import { atOnce } from '../core/thrown.ts'

/** Takes warnings, a text each. */
export type Warn = (message: string) => void

/** What tells warnings where an option says, or by `process.emitWarning`. It never throws. */
export function warningsTo(onWarning: Warn = toProcess): Warn {
  return (message) => {
    try {
      atOnce<unknown>(onWarning(message))
    } catch {
      // Watching must not disturb.
    }
  }
}

function toProcess(message: string): void {
  process.emitWarning(message, 'InturnWarning')
}

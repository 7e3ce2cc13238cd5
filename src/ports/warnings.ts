// Warnings of adaptors: for whoever wants them, or else for the process. Whoever hears them disturbs nothing.
import { atOnce } from '../core/thrown.ts'

/** What tells warnings where an option says, or by `process.emitWarning`. It never throws. */
export function warningsTo(onWarning: (message: string) => unknown = toProcess): (message: string) => void {
  return (message) => {
    try {
      atOnce(onWarning(message))
    } catch {
      // Watching must not disturb.
    }
  }
}

function toProcess(message: string): void {
  process.emitWarning(message, 'InturnWarning')
}

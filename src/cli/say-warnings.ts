// Says inturn's own warnings as the command says everything else. Those of others stay as node prints them.
import { printable } from './printable.ts'

/** The name under which adaptors warn, through `process.emitWarning`. */
const ownName = 'InturnWarning'

/** From here on a warning of inturn is a line `inturn: warning: ...` on standard error. */
export function sayWarnings(): void {
  const others = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', (warning) => {
    if (warning.name === ownName) say(warning.message)
    else for (const tell of others) tell.call(process, warning)
  })
}

/** A line of progress may stand where it goes. */
function say(message: string): void {
  const clear = process.stderr.isTTY ? '\r\u001b[2K' : ''
  console.error(`${clear}inturn: warning: ${printable(message)}`)
}

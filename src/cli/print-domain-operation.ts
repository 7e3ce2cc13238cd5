// Says what an operator's action on a whole domain came to.
import type { DomainOperation } from '../operate/pause-domain.ts'
import { printJson, printLines } from './print.ts'

/** Prints an action on a domain. */
export async function printDomainOperation(
  operation: DomainOperation,
  { json }: { readonly json?: boolean },
): Promise<void> {
  if (json === true) return printJson(operation)
  const { command, domain, by, reason, woken, busy } = operation
  const lines =
    command === 'pause'
      ? [`the domain ${domain} is paused: what comes is held, and nothing is delivered, retried or given up`]
      : [
          `the domain ${domain} goes on; ${woken} waiting streams are due at once`,
          ...(busy === 0 ? [] : [`  ${busy} more were busy, and are looked at within a minute`]),
        ]
  return printLines([...lines, `  in the ledger: ${by}: ${reason}`])
}

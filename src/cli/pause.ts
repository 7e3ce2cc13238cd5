// `inturn pause`: a whole domain stands still until an operator resumes it.
import { Command } from 'commander'
import { pauseDomain } from '../operate/pause-domain.ts'
import { checkDomain } from './check-domain.ts'
import type { OperatorFlags } from './operator-flags.ts'
import { addOperatorFlags, operatorOf } from './operator-flags.ts'
import { withOperatorTarget } from './operator-target.ts'
import { printDomainOperation } from './print-domain-operation.ts'
import type { StoreFlags } from './store-flags.ts'
import { addStoreFlags } from './store-flags.ts'

/** The command `inturn pause`. */
export function pauseCommand(): Command {
  return addOperatorFlags(addStoreFlags(new Command('pause')))
    .description('stop a whole domain: what comes is held, nothing is delivered, retried or given up')
    .argument('<domain>', 'the domain')
    .action(async (domain: string, flags: StoreFlags & OperatorFlags) => {
      const operator = operatorOf(flags)
      await withOperatorTarget(flags, async (target, found) => {
        await checkDomain(target, found, domain)
        await printDomainOperation(await pauseDomain(target, { ...operator, domain }), flags)
      })
    })
}

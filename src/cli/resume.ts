// `inturn resume`: a halted stream, or a paused domain, goes on.
import { Command } from 'commander'
import { resume } from '../operate/operate-stream.ts'
import { resumeDomain } from '../operate/pause-domain.ts'
import { checkDomain } from './check-domain.ts'
import type { OperatorFlags } from './operator-flags.ts'
import { addStreamOperatorFlags, operatorOptions } from './operator-flags.ts'
import { withNamedStream, withOperatorTarget } from './operator-target.ts'
import { printDomainOperation } from './print-domain-operation.ts'
import { printOperation } from './print-operation.ts'
import type { StoreFlags } from './store-flags.ts'
import { addStoreFlags } from './store-flags.ts'

/** The command `inturn resume`. */
export function resumeCommand(): Command {
  return addStreamOperatorFlags(addStoreFlags(new Command('resume')))
    .description('end the halt of a stream, or let a paused domain go on')
    .argument('<stream or domain>', 'a stream as <domain>/<stream>, each percent-encoded, or just a domain')
    .action(async (name: string, flags: StoreFlags & OperatorFlags) => {
      if (name.includes('/')) await resumeStream(name, flags)
      else await resumeWhole(name, flags)
    })
}

async function resumeStream(name: string, flags: StoreFlags & OperatorFlags): Promise<void> {
  const options = operatorOptions(flags)
  await withNamedStream(flags, name, async (target, { stream }) => {
    await printOperation(await resume(target, { ...options, stream }), { ...flags, known: target.domains })
  })
}

async function resumeWhole(domain: string, flags: StoreFlags & OperatorFlags): Promise<void> {
  const options = operatorOptions(flags)
  await withOperatorTarget(flags, async (target, found) => {
    await checkDomain(target, found, domain)
    await printDomainOperation(await resumeDomain(target, { ...options, domain }), flags)
  })
}

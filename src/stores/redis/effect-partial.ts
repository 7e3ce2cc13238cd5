// What the script of a commit tells, and keeps, of a command that failed in it.
import { InturnError } from '../../core/errors.ts'
import { toSequence } from '../../core/sequence.ts'
import type { EffectPartial, EffectStep } from '../../ports/commit-commands.ts'
import type { ScriptArgument } from '../../redis/packed-arguments.ts'

/** The steps of a stream as the script takes them. */
export function effectArguments(steps: readonly EffectStep[]): ScriptArgument[] {
  const args: ScriptArgument[] = [String(steps.length)]
  for (const { events, commands } of steps) {
    args.push(String(events.length))
    for (const { epoch, sequence } of events) args.push(`${epoch}/${String(sequence)}`)
    args.push(String(commands.length))
    for (const command of commands) args.push(String(command.length), ...command.map(asArgument))
  }
  return args
}

/**
 * What the script wrote about a command that failed.
 *
 * @throws InturnError `store-corrupt`
 */
export function readPartial(text: string): EffectPartial {
  const kept = parsed(text)
  if (typeof kept === 'object' && kept !== null && 'at' in kept && 'ran' in kept && 'error' in kept) {
    const [epoch, sequence] = String(kept.at).split('/')
    return {
      epoch: Number(epoch),
      sequence: toSequence(BigInt(sequence ?? '')),
      ran: Number(kept.ran),
      error: String(kept.error),
      done: textsOf('done' in kept ? kept.done : []),
      commands: textsOf('commands' in kept ? kept.commands : []),
    }
  }
  throw new InturnError('store-corrupt', 'what is kept of a failed command is not what inturn wrote')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** An empty table of Lua is written as an object. */
function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}

function asArgument(part: string | Uint8Array): ScriptArgument {
  return typeof part === 'string' ? part : Buffer.from(part.buffer, part.byteOffset, part.byteLength)
}

// Calls of scripts. Those of one script can be made together, with one command: the server takes them in and
// answers them once instead of once a shard, and so does the client.
import type { LuaScript } from './lua-script.ts'
import type { ScriptArgument } from './packed-arguments.ts'
import { packedArguments } from './packed-arguments.ts'
import type { RedisArgument } from './redis-client.ts'
import { listIn } from './reply.ts'

/** A script to be called. */
export interface ScriptCall {
  readonly script: LuaScript
  /** All in one slot. */
  readonly keys: readonly [string, ...string[]]
  readonly args?: readonly ScriptArgument[]
}

/** Calls of one script. */
export type CallGroup = readonly [ScriptCall, ...ScriptCall[]]

/** While a script runs, the server does nothing else; with more arguments than this it is called again. */
const argumentsMax = 4096

/** Calls as groups, in their order. */
export function groupCalls(calls: readonly ScriptCall[]): readonly CallGroup[] {
  const groups: [ScriptCall, ...ScriptCall[]][] = []
  let size = 0
  for (const call of calls) {
    const group = groups.at(-1)
    const own = call.args?.length ?? 0
    const isSame = group !== undefined && group[0].script === call.script && call.script.takesMany
    if (isSame && size + own <= argumentsMax) {
      group.push(call)
      size += own
    } else {
      groups.push([call])
      size = own
    }
  }
  return groups
}

/** What comes behind the script: how many keys there are, the keys, and what the script takes. */
export function argumentsOf(group: CallGroup, shiftMs: number): readonly RedisArgument[] {
  return group[0].script.takesMany ? packed(group, shiftMs) : plain(group[0], shiftMs)
}

/** The replies to the calls of a group. */
export function repliesOf([{ script }]: CallGroup, reply: unknown): readonly unknown[] {
  return script.takesMany ? listIn(reply) : [reply]
}

function plain({ keys, args = [] }: ScriptCall, shiftMs: number): readonly RedisArgument[] {
  const all = [...keys, absentKey(keys[0])]
  return [String(all.length), ...all, String(shiftMs), ...args.map(asArgument)]
}

function packed(group: CallGroup, shiftMs: number): readonly RedisArgument[] {
  const keys: string[] = []
  const values: ScriptArgument[] = [shiftMs]
  for (const call of group) {
    const { args = [] } = call
    for (const key of call.keys) keys.push(key)
    keys.push(absentKey(call.keys[0]))
    values.push(call.keys.length, args.length)
    for (const value of args) values.push(value)
  }
  return [String(keys.length), ...keys, packedArguments(values)]
}

function asArgument(value: ScriptArgument): RedisArgument {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

/**
 * A key that is never there, in the slot of another. While a cluster moves a slot, a node that lacks some of
 * it refuses a call with several keys of which one is missing. Without this one the node that the slot moves
 * to would run a script on the part that it has, and take streams for unknown.
 */
function absentKey(key: string): string {
  return `${key}:-`
}

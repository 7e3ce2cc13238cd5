// Scripts live in files of their own, one a file, and are called by their digest, so that they are sent once.
// Each is the body of a function, so that it can be run for several calls at once.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** A script as the server takes it. */
export interface LuaScript {
  readonly text: string
  readonly sha: string
  /** Whether it takes several calls at once, with their arguments packed: `prelude.lua` sees to that. */
  readonly takesMany: boolean
}

const prelude = readLua('prelude')
const oneSlotPrelude = readLua('one-slot-prelude')

/** The script in a file of `lua/`, behind what all scripts share, and behind `more` of it. */
export function luaScript(name: string, more?: 'records-prelude' | 'presence-prelude'): LuaScript {
  const body = `${more === undefined ? '' : readLua(more)}${readLua(name)}`
  const text = `${prelude}local function body(KEYS)\n${body}end\nreturn run_calls(body)\n`
  return { text, sha: createHash('sha1').update(text).digest('hex'), takesMany: true }
}

function readLua(name: string): string {
  return readLuaFile(new URL(`./lua/${name}.lua`, import.meta.url))
}

function readLuaFile(file: URL): string {
  return readFileSync(file, 'utf8').replaceAll(/^ *--.*\n/gm, '')
}

/** A script whose keys all lie in one slot, made of what those share and of files, one behind the other. */
export function scriptOf(...files: readonly URL[]): LuaScript {
  const text = [oneSlotPrelude, ...files.map(readLuaFile)].join('\n')
  return { text, sha: createHash('sha1').update(text).digest('hex'), takesMany: false }
}

// Scripts live in files of their own, one a file, and are called by their digest, so that they are sent once.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** A script as the server takes it. */
export interface LuaScript {
  readonly text: string
  readonly sha: string
}

const prelude = readLua('prelude')

/** The script in a file of `lua/`, behind what all scripts share. */
export function luaScript(name: string): LuaScript {
  const text = `${prelude}\n${readLua(name)}`
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

function readLua(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8').replaceAll(/^ *--.*\n/gm, '')
}

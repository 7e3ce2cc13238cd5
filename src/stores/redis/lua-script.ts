// Scripts live in files of their own, one a file, and are called by their digest, so that they are sent once.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** A script as the server takes it. */
export interface LuaScript {
  readonly text: string
  readonly sha: string
}

const prelude = readLua('prelude')

/** The script in a file of `lua/`, behind what all scripts share, and behind `more` of it. */
export function luaScript(name: string, more?: 'records-prelude'): LuaScript {
  const text = [prelude, more === undefined ? '' : readLua(more), readLua(name)].join('\n')
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

function readLua(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8').replaceAll(/^ *--.*\n/gm, '')
}

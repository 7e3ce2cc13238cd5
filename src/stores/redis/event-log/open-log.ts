// Makes a log where there is none, and learns who it is: a log that the server has lost, and perhaps begun
// anew, must not be taken for the one that was opened. Its numbers would be given a second time. Upholds I3.
import { randomBytes } from 'node:crypto'
import type { Connection } from '../connection.ts'
import { scriptOf } from '../lua-script.ts'
import { at, numberIn, textIn } from '../reply.ts'

const openScript = scriptOf(
  new URL('lua/prelude.lua', import.meta.url),
  new URL('lua/open-log.lua', import.meta.url),
)

/** How a log lies on the server. */
export const logVersion = 1

/** A log as it is when it is opened. */
export interface OpenedLog {
  readonly identity: string
  readonly version: number
  /** The last place that was given. */
  readonly last: number
}

/** Opens a log. */
export async function openLog(connection: Connection, base: string): Promise<OpenedLog> {
  const identity = randomBytes(9).toString('base64url')
  const [reply] = await connection.write([{ script: openScript, keys: [base], args: [logVersion, identity] }])
  return {
    identity: textIn(at(reply, 1)),
    version: numberIn(at(reply, 0)),
    last: numberIn(at(reply, 2)),
  }
}

// What inturn needs of the runtime, said in one line where it is too old.
import type * as Sqlite from 'node:sqlite'
import { InturnError } from '../core/errors.ts'

const oldestNode = [22, 18] as const

/** Why this Node is too old, if it is; other runtimes count in versions of their own. */
export function runtimeProblem(versions: NodeJS.ProcessVersions = process.versions): string | undefined {
  const { node, bun, deno } = versions
  if (bun !== undefined || deno !== undefined) return undefined
  const [major = 0, minor = 0] = node.split('.').map(Number)
  const [oldest, oldestMinor] = oldestNode
  if (major > oldest || (major === oldest && minor >= oldestMinor)) return undefined
  return `inturn needs Node ${oldestNode.join('.')} or later, and this is Node ${node}`
}

/** @throws InturnError `config-invalid` where the runtime is too old */
export function checkRuntime(): void {
  const problem = runtimeProblem()
  if (problem !== undefined) throw new InturnError('config-invalid', problem)
}

/** A module that newer runtimes have built in. @throws InturnError `config-invalid` where this one has not */
export function builtinSqlite(): typeof Sqlite {
  checkRuntime()
  const sqlite = process.getBuiltinModule('node:sqlite')
  if (sqlite !== undefined) return sqlite
  throw new InturnError('config-invalid', 'this runtime has no node:sqlite: SQLite needs Node 22.18 or later')
}

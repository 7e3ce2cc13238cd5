// Loads a module of the user's, a configuration or one that exports a log; and says why it could not be
// loaded, and what to do about it.
import { existsSync, readFileSync } from 'node:fs'
import nodeModule, { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { InturnError } from '../core/errors.ts'
import { errorCode, errorMessage, errorText } from '../core/thrown.ts'
import { missingPackage, packageAdvice } from '../ports/load-package.ts'

/**
 * What a module exports. What Node does not load by itself (a path alias, an import without its extension, an
 * enum) is loaded by `jiti`, where it is installed beside the module.
 *
 * @throws InturnError `input-unreadable` when it is missing or cannot be loaded
 */
export async function importModule(file: string): Promise<unknown> {
  const path = resolve(file)
  if (!existsSync(path)) throw new InturnError('input-unreadable', `the configuration ${file} does not exist`)
  try {
    return await importByNode(path)
  } catch (error) {
    const jiti = byJiti.has(errorCode(error) ?? '') ? jitiBeside(path) : undefined
    if (jiti === undefined) throw importFault(error, file)
    try {
      return await jiti(path)
    } catch (other) {
      // What it does not find either is told as Node tells it.
      throw importFault(errorCode(other) === 'MODULE_NOT_FOUND' ? error : other, file)
    }
  }
}

/**
 * Imports by Node. `npm init` writes `"type": "commonjs"`, by which every file is taken for CommonJS:
 * TypeScript that imports or exports is a module all the same. Bun, which has no such hooks, takes it for one
 * by itself.
 */
async function importByNode(path: string): Promise<unknown> {
  if (!('registerHooks' in nodeModule)) return import(pathToFileURL(path).href)
  const hooks = nodeModule.registerHooks({
    load(url, context, next) {
      const isModule = context.format === 'commonjs-typescript' && isModuleText(url)
      return next(url, isModule ? { ...context, format: 'module-typescript' } : context)
    },
  })
  try {
    return await import(pathToFileURL(path).href)
  } finally {
    hooks.deregister()
  }
}

function isModuleText(url: string): boolean {
  return /^(?:import|export)\b/m.test(readFileSync(fileURLToPath(url), 'utf8'))
}

/** What Node says of a module that a transforming loader may load. */
const byJiti: ReadonlySet<string> = new Set([
  'ERR_MODULE_NOT_FOUND',
  'ERR_UNSUPPORTED_DIR_IMPORT',
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
])
const installJiti = 'npm install --save-dev jiti, and it is loaded with that'

interface Jiti {
  createJiti(from: string, options: object): { import(path: string): Promise<unknown> }
}

function isJiti(library: unknown): library is Jiti {
  return typeof library === 'function' && 'createJiti' in library
}

/** Loads by the `jiti` that is installed where a module lies. */
function jitiBeside(path: string): ((path: string) => Promise<unknown>) | undefined {
  try {
    const jiti: unknown = createRequire(path)('jiti')
    return isJiti(jiti)
      ? (module) => jiti.createJiti(path, { tsconfigPaths: true }).import(module)
      : undefined
  } catch {
    return undefined
  }
}

/** The error for a module that could not be loaded: what is wrong with it, and what to do about it. */
function importFault(error: unknown, file: string): InturnError {
  const code = errorCode(error)
  if (error instanceof InturnError) {
    return new InturnError(error.code, `${file}: ${error.message}`, { cause: error })
  }
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION' || code === 'ERR_IMPORT_ATTRIBUTE_MISSING') {
    const because = /\.[cm]?ts$/.test(file)
      ? `is TypeScript: node ${process.versions.node} is too old for it, 22.18 is not`
      : 'is no module: it takes a .ts, .mts, .js or .mjs file with a default export'
    return new InturnError('input-unreadable', `${file} ${because}`, { cause: error })
  }
  const advice = transformAdvice(error)
  if (advice !== undefined) return new InturnError('input-unreadable', `${file} ${advice}`, { cause: error })
  const missing = missingPackage(error)
  if (missing !== undefined) {
    const message = `${file} needs ${packageAdvice(missing)}`
    return new InturnError('input-unreadable', message, { cause: error })
  }
  const message = `${file} cannot be loaded: ${errorText(error)}${syntaxPlace(error, file)}`
  return new InturnError('input-unreadable', message, { cause: error })
}

/**
 * Where the syntax is wrong: of TypeScript Node says it above the stack, of JavaScript only where it ends of
 * it.
 */
function syntaxPlace(error: unknown, file: string): string {
  if (!(error instanceof SyntaxError)) return ''
  const [above = ''] = (error.stack ?? '').split(/^SyntaxError/m)
  const [place = ''] = above.split('\n')
  return place === '' ? `; node ${file} shows where` : `, at ${place}`
}

/** What to do about what Node does not load by itself. */
function transformAdvice(error: unknown): string | undefined {
  const message = errorMessage(error)
  if (errorCode(error) === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') {
    return `has TypeScript that node does not run by itself (${message}): ${installJiti}`
  }
  const missing = missingPackage(error)
  if (missing !== undefined && /^(?:@\/|[~#$])/.test(missing)) {
    return `imports ${missing}, which is no package. If it is a path alias of tsconfig.json: ${installJiti}`
  }
  const [, module] = /^Cannot find module '([^']+)'/.exec(message) ?? []
  const found = ['.ts', '.mts', '.js', '/index.ts'].find((end) => existsSync(`${module ?? ''}${end}`))
  if (module === undefined || found === undefined) return undefined
  return `imports ${module} without its ${found}, which node does not find: write it out, or ${installJiti}`
}

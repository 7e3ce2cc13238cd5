// Loads modules, and says why one could not be loaded: a package that is not installed with inturn, or what
// is wrong with a module of the user's, a configuration or one that exports a log.
import { InturnError } from '../core/errors.ts'
import { errorCode, errorMessage, errorText } from '../core/thrown.ts'

/**
 * What a module exports.
 *
 * @throws InturnError `usage` when the package is not installed
 */
export async function importNeeding<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load()
  } catch (error) {
    if (missingPackage(error) !== name) throw error
    throw new InturnError('usage', `this needs ${packageAdvice(name)}`, { cause: error })
  }
}

/** The package that is not installed, where that is why a module could not be loaded. */
function missingPackage(error: unknown): string | undefined {
  const isMissing = errorCode(error) === 'ERR_MODULE_NOT_FOUND'
  const [, name] = (isMissing ? /^Cannot find package '([^']+)'/.exec(errorMessage(error)) : null) ?? []
  return name
}

/** What to do about a package that is not installed. */
function packageAdvice(name: string): string {
  return `the package ${name}, which is not installed: npm install ${name}`
}

/** The error for a module that could not be loaded: what is wrong with it, and what to do about it. */
export function importFault(error: unknown, file: string): InturnError {
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
  const missing = missingPackage(error)
  if (missing !== undefined) {
    const message = `${file} needs ${packageAdvice(missing)}`
    return new InturnError('input-unreadable', message, { cause: error })
  }
  return new InturnError('input-unreadable', `${file} cannot be loaded: ${errorText(error)}`, {
    cause: error,
  })
}

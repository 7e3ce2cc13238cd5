// Loads a module that needs a package which is not installed with inturn, and says so where it is missing.
import { InturnError } from '../core/errors.ts'
import { errorCode, errorMessage } from '../core/thrown.ts'

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
export function missingPackage(error: unknown): string | undefined {
  const isMissing = errorCode(error) === 'ERR_MODULE_NOT_FOUND'
  const [, name] = (isMissing ? /^Cannot find package '([^']+)'/.exec(errorMessage(error)) : null) ?? []
  return name
}

/** What to do about a package that is not installed. */
export function packageAdvice(name: string): string {
  return `the package ${name}, which is not installed: npm install ${name}`
}

// Loads a package that is not installed with inturn, when it is needed and not before: who does not need it
// does not have it. Where it is missing that is one line, with what installs it.
import { InturnError } from '../core/errors.ts'
import { errorCode, errorMessage } from '../core/thrown.ts'

/**
 * What a package exports.
 *
 * @param version - what to install, where not every version will do
 * @throws InturnError `config-invalid` when it is not installed, or cannot be loaded
 */
export async function loadPackage<Module>(
  name: string,
  load: () => Promise<Module>,
  version?: string,
): Promise<Module> {
  try {
    return await load()
  } catch (error) {
    const isMissing = missingPackage(error) === name
    const why = isMissing ? `this needs ${packageAdvice(name, version)}` : unloadable(name, error)
    throw new InturnError('config-invalid', why, { cause: error })
  }
}

/** Some packages read files of their own (WebAssembly), which are not where they were once bundled. */
function unloadable(name: string, error: unknown): string {
  const advice = 'a bundle leaves it out (external), and has it in node_modules beside it'
  return `the package ${name} cannot be loaded: ${errorMessage(error)}. If it was bundled: ${advice}`
}

/** The package that is not installed, where that is why a module could not be loaded. */
export function missingPackage(error: unknown): string | undefined {
  const isMissing = errorCode(error) === 'ERR_MODULE_NOT_FOUND'
  const [, name] = (isMissing ? /^Cannot find package '([^']+)'/.exec(errorMessage(error)) : null) ?? []
  return name
}

/** What to do about a package that is not installed. */
export function packageAdvice(name: string, version?: string): string {
  const wanted = version === undefined ? name : `${name}@${version}`
  return `the package ${name}, which is not installed: npm install ${wanted}`
}

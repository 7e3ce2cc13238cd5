// Why a module of the user's could not be loaded, a configuration or one that exports a log, and what to do
// about it.
import { InturnError } from '../core/errors.ts'
import { errorCode, errorText } from '../core/thrown.ts'
import { missingPackage, packageAdvice } from '../ports/load-package.ts'

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

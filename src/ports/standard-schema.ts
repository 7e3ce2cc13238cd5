// The part of Standard Schema v1 that is needed to check a payload, so that any library that implements it
// can be used and none is loaded. Source: https://standardschema.dev
import { givenText } from '../core/check-names.ts'
import { InturnError } from '../core/errors.ts'

/** A schema of any library that implements Standard Schema v1. */
export interface StandardSchema {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult | Promise<SchemaResult>
  }
}

/** What a schema says about a value. */
export type SchemaResult =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

/** One thing that is wrong with a value. */
export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** Checks schemas by event type, as an option has them; absent there are none. @throws InturnError */
export function checkSchemas(
  option: string,
  schemas: Readonly<Record<string, StandardSchema>> | undefined,
): void {
  if (schemas === undefined) return
  if (typeof schemas !== 'object' || schemas === null) {
    throw new InturnError(
      'config-invalid',
      `${option} takes schemas by event type, not ${givenText(schemas)}`,
    )
  }
  for (const [type, schema] of Object.entries(schemas)) {
    if (typeof schema?.['~standard']?.validate === 'function') continue
    const takes = 'takes a schema of a library that implements Standard Schema'
    throw new InturnError('config-invalid', `${option}['${type}'] ${takes}`)
  }
}

/** How many issues are told. */
const issuesMax = 5

/**
 * What is wrong with the data, in words; `undefined` when it fits its schema. A promise where the schema
 * gives one. Throws what the schema throws.
 */
export function schemaProblem(
  schema: StandardSchema,
  data: unknown,
): string | undefined | Promise<string | undefined> {
  const result: unknown = schema['~standard'].validate(data)
  return isPromiseLike(result) ? Promise.resolve(result).then(problemIn) : problemIn(result)
}

function problemIn(result: unknown): string | undefined {
  if (!isResult(result)) throw new TypeError('it gave no result as Standard Schema has it')
  if (result.issues === undefined) return undefined
  const told = result.issues.slice(0, issuesMax).map(describe)
  const more = result.issues.length - told.length
  return [...told, ...(more > 0 ? [`and ${more} more`] : [])].join('; ')
}

function isResult(value: unknown): value is SchemaResult {
  if (typeof value !== 'object' || value === null) return false
  return !('issues' in value) || value.issues === undefined || Array.isArray(value.issues)
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

function describe(issue: SchemaIssue): string {
  const keys = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part))
  return keys.length === 0 ? issue.message : `${keys.join('.')}: ${issue.message}`
}

// Schemas of any library that implements Standard Schema v1: none is loaded here. Source:
// https://standardschema.dev
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { givenText } from '../core/check-names.ts'
import { InturnError } from '../core/errors.ts'

/** A schema of any library that implements Standard Schema v1. */
export type StandardSchema<Input = unknown, Output = Input> = StandardSchemaV1<Input, Output>

/** What a schema says about a value. */
export type SchemaResult = StandardSchemaV1.Result<unknown>

/** One thing that is wrong with a value. */
export type SchemaIssue = StandardSchemaV1.Issue

/** What is wrong with a value, in words; or the schema's output, where it fits. */
export type SchemaAnswer = { readonly problem: string } | { readonly output: unknown }

/** Checks that an option is a schema. @throws InturnError */
export function checkSchema(option: string, schema: StandardSchema): void {
  if (typeof schema?.['~standard']?.validate === 'function') return
  const takes = 'takes a schema of a library that implements Standard Schema'
  throw new InturnError('config-invalid', `${option} ${takes}`)
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
  for (const [type, schema] of Object.entries(schemas)) checkSchema(`${option}['${type}']`, schema)
}

/** How many issues are told. */
const issuesMax = 5

/** What a schema says about data. A promise where the schema gives one. Throws what the schema throws. */
export function askSchema(schema: StandardSchema, data: unknown): SchemaAnswer | Promise<SchemaAnswer> {
  const result: unknown = schema['~standard'].validate(data)
  return isPromiseLike(result) ? Promise.resolve(result).then(answerOf) : answerOf(result)
}

function answerOf(result: unknown): SchemaAnswer {
  if (!isResult(result)) throw new TypeError('it gave no result as Standard Schema has it')
  if (result.issues === undefined) return { output: result.value }
  const told = result.issues.slice(0, issuesMax).map(describe)
  const more = result.issues.length - told.length
  return { problem: [...told, ...(more > 0 ? [`and ${more} more`] : [])].join('; ') }
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

// The part of Standard Schema v1 that is needed to check a payload, so that any library that implements it
// can be used and none is loaded. Source: https://standardschema.dev

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

/** What is wrong with the data, in words; `undefined` when it fits its schema. */
export async function schemaProblem(schema: StandardSchema, data: unknown): Promise<string | undefined> {
  const result = await schema['~standard'].validate(data)
  if (result.issues === undefined) return undefined
  return result.issues.slice(0, 5).map(describe).join('; ')
}

function describe(issue: SchemaIssue): string {
  const keys = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part))
  return keys.length === 0 ? issue.message : `${keys.join('.')}: ${issue.message}`
}

// How far the source of a configuration is behind, part by part, asked of its place while whoever reads it
// goes on. A place that does not answer is said, and keeps nobody from seeing the rest.
import { errorMessage } from '../core/thrown.ts'
import type { Config } from '../engine/define-config.ts'
import type { SourcePart } from '../ports/source.ts'
import type { Cell } from './table.ts'
import { grouped, tableLines } from './table.ts'

/** The source of one consumer. */
export interface SourceStanding {
  readonly name: string
  /** All of them together, as far as it is known. */
  readonly behind?: number
  readonly parts: readonly SourcePart[]
  /** Why it cannot be told. */
  readonly error?: string
}

/** How the source of a consumer stands; `undefined`: no configuration names it, or it has no parts. */
export async function sourceStanding(
  config: Config | undefined,
  consumer: string,
): Promise<SourceStanding | undefined> {
  const source = config?.source
  if (source?.parts === undefined || config?.consumer !== consumer) return undefined
  const { name } = source
  try {
    const parts = await source.parts()
    return { name, behind: parts.reduce((sum, { behind = 0 }) => sum + behind, 0), parts }
  } catch (error) {
    return { name, parts: [], error: errorMessage(error) }
  }
}

/** As a table. */
export function sourceLines({ name, parts, error }: SourceStanding): readonly string[] {
  if (error !== undefined) return ['', `how far the source is behind cannot be told: ${error}`]
  const row = ({ name: part, behind, reader = 'nobody', problem = '' }: SourcePart): readonly Cell[] => [
    part,
    behind ?? '?',
    reader,
    problem,
  ]
  return ['', name, ...tableLines(['part', 'behind', 'read by', ''], parts.map(row))]
}

/** What that may mean for a stream that waits for something that is missing. */
export function sourceWords({ behind, parts, error }: SourceStanding): readonly string[] {
  if (error !== undefined) return [`how far the source is behind cannot be told: ${error}`]
  const unread = parts.filter(({ reader }) => reader === undefined).map(({ name }) => name)
  return [
    ...(behind === undefined || behind === 0
      ? ['the source has nothing more: all that it has was settled']
      : [`the source is ${grouped(behind)} behind; what is missing may be among that`]),
    ...(unread.length === 0 ? [] : [`nobody reads ${unread.join(', ')}`]),
  ]
}

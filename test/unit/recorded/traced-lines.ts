// Runs a replay over lines written in a test, and gives back what it said.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { contiguous } from '../../../src/core/numbering.ts'
import { defaultStreamLimits } from '../../../src/core/rules.ts'
import type { StreamRules } from '../../../src/core/rules.ts'
import type { RecordedFields } from '../../../src/recorded/recorded-fields.ts'
import { trace } from '../../../src/recorded/trace.ts'

/** Rules and fields that differ from the defaults. */
export interface Traced {
  readonly rules?: Partial<StreamRules>
  readonly fields?: Partial<RecordedFields>
}

/** The text that a replay of a log prints. */
export async function traceText(log: string, { rules = {}, fields = {} }: Traced = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'inturn-trace-'))
  try {
    const file = join(folder, 'log.ndjson')
    await writeFile(file, log)
    const options = {
      fields: { stream: ['s'], sequence: 'n', epoch: 'e', numbering: 'contiguous', ...fields } as const,
      rules: { ...defaultStreamLimits, numbering: contiguous(), ...rules },
    }
    let text = ''
    for await (const piece of trace(file, options)) text += piece
    return text
  } finally {
    await rm(folder, { recursive: true })
  }
}

/**
 * What a replay says, each line in short: `3 deliver a 2`, `lost a 2..4 at 30`, `open a 2..4 held 3`. An
 * epoch other than 0 stands before the number as `1/2`, a reason behind it in brackets.
 */
export async function traced(lines: readonly unknown[], options: Traced = {}): Promise<string[]> {
  const log = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')
  const text = await traceText(`${log}\n`, options)
  return text.split('\n').flatMap((line) => (line === '' ? [] : inShort(JSON.parse(line) as Saying)))
}

interface Saying {
  readonly line?: number
  readonly stream?: string
  readonly epoch?: number
  readonly sequence?: number
  readonly unwrapped?: number | { readonly from: number; readonly to: number }
  readonly verdict: string
  readonly reason?: string
  readonly fill?: true
  readonly from?: number | null
  readonly to?: number
  readonly at?: number | null
  readonly held?: number
}

function inShort(saying: Saying): string {
  const { line, stream, epoch = 0, sequence, from, to, unwrapped } = saying
  const number = from === undefined ? sequence : `${from}..${to}`
  const whole = typeof unwrapped === 'object' ? `${unwrapped.from}..${unwrapped.to}` : unwrapped
  const words = [
    line,
    saying.fill === true ? `${saying.verdict}-fill`.replace('fill-fill', 'fill') : saying.verdict,
    stream,
    number === undefined ? undefined : `${epoch === 0 ? '' : `${epoch}/`}${number}`,
    whole === undefined ? undefined : `=${whole}`,
    saying.reason === undefined ? undefined : `(${saying.reason})`,
    saying.at === undefined ? undefined : `at ${saying.at}`,
    saying.held === undefined ? undefined : `held ${saying.held}`,
  ]
  return words.filter((word) => word !== undefined).join(' ')
}

/** Events of stream `a`, by number; `[epoch, number]` for another epoch. */
export function events(...numbers: readonly (number | readonly [number, number])[]): object[] {
  return numbers.map((number) =>
    typeof number === 'number' ? { s: 'a', n: number } : { s: 'a', e: number[0], n: number[1] },
  )
}

/** An event of stream `a` that arrives at a time. */
export function at(t: number | string, n: number, s = 'a'): object {
  return { s, n, t }
}

/** A fill of stream `a`. */
export function fill(from: number, to: number, more: object = {}): object {
  return { s: 'a', fill: { from, to, reason: 'burned' }, ...more }
}

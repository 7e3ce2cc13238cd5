// A table of replays: a law, the lines that come in, and what comes out.
import { expect, test } from 'vitest'
import { traced } from './traced-lines.ts'
import type { Traced } from './traced-lines.ts'

/** A law, the input lines, the output lines in short, and what differs from the defaults. */
export type Scenario = readonly [
  law: string,
  lines: readonly unknown[],
  said: readonly string[],
  options?: Traced,
]

/** One test for each scenario. */
export function scenarios(table: readonly Scenario[]): void {
  for (const [law, lines, said, options] of table) {
    test(law, async () => {
      expect(await traced(lines, options)).toEqual(said)
    })
  }
}

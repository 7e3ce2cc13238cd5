// Tells what a worker has of its source, and how far behind that is: at once when it is given other parts or
// one of them stands still, else every ten seconds. What the source cannot say now is told the next time.
import type { Source, SourcePart } from '../ports/source.ts'
import type { EngineNews } from '../ports/telemetry.ts'

const everyMs = 10_000

/** Tells the parts of one source. */
export class SourceParts {
  readonly #source: Pick<Source, 'parts'>
  readonly #tell: (news: EngineNews) => void
  #told = ''
  #nextMs = 0

  constructor(source: Pick<Source, 'parts'>, tell: (news: EngineNews) => void) {
    this.#source = source
    this.#tell = tell
  }

  /** Tells them, where it is time for it. Never fails. */
  async tell(nowMs: number): Promise<void> {
    const parts = await this.#source.parts?.().catch(() => undefined)
    if (parts === undefined) return
    const signs = parts.map(signOf).join('\n')
    if (signs === this.#told && nowMs < this.#nextMs) return
    this.#told = signs
    this.#nextMs = nowMs + everyMs
    this.#tell({ kind: 'source-parts', parts })
  }
}

/** What is told at once when it is another one. */
function signOf({ name, problem = '' }: SourcePart): string {
  return `${name} ${problem}`
}

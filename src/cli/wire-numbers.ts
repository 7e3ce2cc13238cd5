// Numbers of domains whose counter wraps, as the command line shows them: as on the wire, and unwrapped
// beside it.
import type { Sequence } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import { unknownStream } from '../core/stream-state.ts'
import type { KnownDomains } from '../operate/domain-rules.ts'
import { rulesFor, wireOf } from '../operate/domain-rules.ts'

/** A number as on the wire; `unwrapped` where that is another one. */
export interface ShownNumber {
  readonly wire: Sequence
  readonly unwrapped?: Sequence
}

/** A stream's number as it is shown. Without a configuration it is not known that a counter wraps. */
export function shownNumber(
  known: KnownDomains,
  stream: StreamPath | undefined,
  sequence: Sequence,
): ShownNumber {
  const domain = stream === undefined ? undefined : parseStreamPath(stream)?.domain
  const { rules } = rulesFor(known, domain ?? '', unknownStream)
  const wire = wireOf(rules, sequence)
  return wire === sequence ? { wire } : { wire, unwrapped: sequence }
}

/** The same in words. */
export function numberText({ wire, unwrapped }: ShownNumber): string {
  return unwrapped === undefined ? String(wire) : `${wire} (unwrapped ${unwrapped})`
}

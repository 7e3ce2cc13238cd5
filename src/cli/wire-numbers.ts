// Numbers of domains whose counter wraps, as the command line shows them, by the stream that they are of.
import type { StreamRules } from '../core/rules.ts'
import type { Sequence } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import { unknownStream } from '../core/stream-state.ts'
import type { KnownDomains } from '../operate/domain-rules.ts'
import { rulesFor } from '../operate/domain-rules.ts'
import type { ShownNumber } from '../operate/shown-number.ts'
import { shownNumber } from '../operate/shown-number.ts'

/** A stream's number as it is shown. */
export function shownIn(
  known: KnownDomains,
  stream: StreamPath | undefined,
  sequence: Sequence,
): ShownNumber {
  return shownNumber(rulesIn(known, stream), sequence)
}

/** The rules of a stream. Without a configuration it is not known that a counter wraps. */
export function rulesIn(known: KnownDomains, stream: StreamPath | undefined): StreamRules {
  const domain = stream === undefined ? undefined : parseStreamPath(stream)?.domain
  return rulesFor(known, domain ?? '', unknownStream).rules
}

// Where a domain's counter wraps, numbers are shown as on the wire, with the unwrapped one beside them.
import { expect, test } from 'vitest'
import { shownIn } from '../../../src/cli/wire-numbers.ts'
import { contiguous } from '../../../src/core/numbering.ts'
import { defaultStreamLimits } from '../../../src/core/rules.ts'
import type { KnownDomains } from '../../../src/operate/domain-rules.ts'
import { numberText } from '../../../src/operate/shown-number.ts'

const rules = { ...defaultStreamLimits, numbering: contiguous({ modulus: 65_536 }) }
const known: KnownDomains = new Map([['device', { rules, failure: { attempts: 5, then: 'halt' } }]])

test.each([
  ['device/a', 65_541, '5 (unwrapped 65541)'],
  ['device/a', 5, '5'],
  ['device/a', -1, '65535 (unwrapped -1)'],
  ['account/a', 65_541, '65541'],
  [undefined, 2n ** 60n, '1152921504606846976'],
])('%s at %s is %s', (stream, sequence, text) => {
  expect(numberText(shownIn(known, stream, sequence))).toBe(text)
})

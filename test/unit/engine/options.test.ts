// Options are checked when something is made of them, and every error names the option and what it takes.
import { describe, expect, it } from 'vitest'
import { contiguous, increasing, linked, unordered } from '../../../src/core/numbering.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import { createWorker } from '../../../src/engine/worker.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import { memorySource } from '../../../src/transports/memory.ts'

const handle = (): void => undefined
const account = { numbering: contiguous(), effects: 'external', handle }
const options = (fields: object = {}): object => ({
  consumer: 'billing',
  store: memoryStore(),
  domains: { account },
  ...fields,
})
const withDomain = (fields: object): object => options({ domains: { account: { ...account, ...fields } } })

const wrong: readonly (readonly [name: string, options: unknown, message: string | RegExp])[] = [
  ['no options', undefined, /takes options: consumer, store, domains/],
  ['an unknown option', options({ claimm: 3 }), /^claimm is no option; there are consumer, /],
  ['no consumer', options({ consumer: '' }), /^consumer takes a name/],
  ['a consumer that is no text', options({ consumer: 7 }), /^consumer takes a name/],
  ['an empty worker', options({ worker: '' }), /^worker takes a name/],
  ['no store', options({ store: undefined }), /^store takes a store/],
  ['no domains', options({ domains: undefined }), /^domains takes at least one/],
  ['empty domains', options({ domains: {} }), /^domains takes at least one/],
  ['a domain that is nothing', options({ domains: { account: null } }), /^domains.account takes options/],
  ['a nameless domain', options({ domains: { '': account } }), /a domain needs a name/],
  ['batch 0', options({ batch: 0 }), 'batch takes a whole number from 1, not 0'],
  ['half a stream at once', options({ concurrency: 0.5 }), /^concurrency takes a whole number/],
  ['no time to claim', options({ claim: 0 }), 'claim takes at least 1 ms, not 0'],
  ['a claim in words', options({ claim: 'long' }), /^claim takes milliseconds or a duration/],
  [
    'telemetry that is no function',
    options({ telemetry: true }),
    'telemetry takes a function, openTelemetry(), prometheus(), or a list of them; not true',
  ],
  [
    'a mapping that is no function',
    options({ eventFrom: 'x' }),
    "eventFrom takes a function, not the text 'x'",
  ],
  [
    'an unknown domain option',
    withDomain({ timout: 3 }),
    /^domains.account.timout is no option; there are types/,
  ],
  ['no numbering', withDomain({ numbering: undefined }), /^domains.account.numbering takes contiguous\(\)/],
  ['numbering by name', withDomain({ numbering: 'contiguous' }), /^domains.account.numbering takes/],
  [
    'numbering of another kind',
    withDomain({ numbering: { kind: 'odd' } }),
    /^domains.account.numbering takes/,
  ],
  [
    'a span of numbers that have their own',
    withDomain({ numbering: linked(), spanMax: 10 }),
    'domains.account.spanMax is for contiguous(); say linked({ spanMax: ... })',
  ],
  ['an unknown effect', withDomain({ effects: 'some' }), /effects takes 'transaction' or 'external'/],
  [
    'transactions that the store has not',
    withDomain({ effects: 'transaction' }),
    /effects: .*memory has no transactions/,
  ],
  ['no handler', withDomain({ handle: undefined }), /takes either handle or handleBatch/],
  ['two handlers', withDomain({ handleBatch: handle }), /takes either handle or handleBatch/],
  [
    'a handler that is no function',
    withDomain({ handle: 3 }),
    'domains.account.handle takes a function, not 3',
  ],
  ['no time to handle', withDomain({ timeout: 0 }), 'domains.account.timeout takes at least 1 ms, not 0'],
  [
    'a filter that is no function',
    withDomain({ filter: {} }),
    'domains.account.filter takes a function, not [object Object]',
  ],
  ['an unknown gap option', withDomain({ gap: { patence: 3 } }), /^domains.account.gap.patence is no option/],
  [
    'an unknown end of a gap',
    withDomain({ gap: { then: 'cry' } }),
    /gap.then takes 'wait', 'skip' or 'halt'/,
  ],
  [
    'an unknown failure option',
    withDomain({ failure: { tries: 3 } }),
    /^domains.account.failure.tries is no option/,
  ],
  ['no attempts', withDomain({ failure: { attempts: 0 } }), /failure.attempts takes a whole number from 1/],
  [
    'an unknown end of failure',
    withDomain({ failure: { then: 'cry' } }),
    /failure.then takes 'halt' or 'dead-letter'/,
  ],
  ['retryable by name', withDomain({ failure: { retryable: 'yes' } }), /failure.retryable takes a function/],
  [
    'too much conflict memory',
    withDomain({ conflictMemory: 256 }),
    /conflictMemory takes a whole number from 0 to 255/,
  ],
  ['no epoch span', withDomain({ epochSpanMax: 0 }), /epochSpanMax takes a whole number from 1/],
  ['no room at all', withDomain({ heldMax: 0 }), /heldMax takes a whole number from 1/],
  ['types that are no list', withDomain({ types: 'a.*' }), /types takes a list/],
  ['an empty type', withDomain({ types: [''] }), /types takes event types/],
  ['a schema that is none', withDomain({ schemas: { t: {} } }), /schemas\['t'\] takes a schema/],
  [
    'an unknown answer to a restart',
    withDomain({ onReset: 'cry' }),
    /onReset takes 'tell', 'halt' or 'epoch'/,
  ],
  [
    'epochs of restarts without a first number',
    withDomain({ numbering: increasing(), onReset: 'epoch' }),
    /onReset: 'epoch' needs to know a run's first number/,
  ],
  ['a producer that is no field', withDomain({ producer: '' }), /producer takes the name of a field/],
  [
    'a baseline without a start',
    withDomain({ numbering: increasing(), baseline: handle }),
    /baseline needs contiguous/,
  ],
  [
    'a halt without a stream',
    withDomain({ numbering: unordered(), failure: { then: 'halt' } }),
    /it takes 'dead-letter'/,
  ],
  ['a gap without numbers', withDomain({ numbering: unordered(), gap: {} }), /gap needs a numbering/],
  [
    'one type twice',
    options({ domains: { a: { ...account, types: ['t'] }, b: { ...account, types: ['t'] } } }),
    /t belongs to a/,
  ],
]

describe('options (I7)', () => {
  it.each(wrong)('%s', (_name, given, message) => {
    const make = (): unknown => createProcessor(given as never)
    expect(make).toThrow(expect.objectContaining({ code: 'config-invalid' }) as Error)
    expect(make).toThrow(message)
  })

  const workerOptions = (fields: object): object => options({ source: memorySource(), ...fields })
  const wrongWorkers: readonly (readonly [string, object, RegExp])[] = [
    ['no source', workerOptions({ source: undefined }), /^source takes a source/],
    ['an unknown option', workerOptions({ sweep: 3 }), /^sweep is no option; there are .*sweepEvery/],
    ['no time between sweeps', workerOptions({ sweepEvery: 0 }), /^sweepEvery takes at least 1 ms/],
    ['no look-ahead', workerOptions({ lookAheadMax: 0 }), /^lookAheadMax takes a whole number from 1/],
    [
      'half a byte',
      workerOptions({ lookAheadBytesMax: 0.5 }),
      /^lookAheadBytesMax takes a whole number from 1/,
    ],
    ['no patience', workerOptions({ refusePatience: -1 }), /^refusePatience takes/],
  ]
  it.each(wrongWorkers)('of a worker: %s', (_name, given, message) => {
    expect(() => createWorker(given as never)).toThrow(message)
  })

  it('of a run: a time to end at that there is not is said, and does not run for ever', async () => {
    const run = (options: object): Promise<unknown> => createWorker(workerOptions({}) as never).run(options)
    await expect(run({ until: 'caughtup' })).rejects.toThrow(
      "until takes 'caught-up', not the text 'caughtup'",
    )
    await expect(run({ til: 'caught-up' })).rejects.toThrow('run.til is no option')
  })

  it('that are right are taken', () => {
    expect(() => createProcessor(options() as never)).not.toThrow()
    expect(() => createWorker(workerOptions({}) as never)).not.toThrow()
  })
})

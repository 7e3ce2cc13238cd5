// Checks what a user wrote about the domains, and fills in the defaults. Every error names the option and
// what it takes. Upholds I7: each limit is a named option.
import { checkFlags, checkMethod, checkNames } from '../core/check-names.ts'
import { isSigned } from '../core/counter.ts'
import { durationMs } from '../core/duration.ts'
import { InturnError } from '../core/errors.ts'
import type { InturnEvent } from '../core/event.ts'
import { pathKeys } from '../core/field-path.ts'
import type { Contiguous, Numbering } from '../core/numbering.ts'
import { defaultStreamLimits } from '../core/rules.ts'
import type { ResetAnswer, StreamRules } from '../core/rules.ts'
import { atOnce, errorText } from '../core/thrown.ts'
import { typeOwner } from '../core/type-pattern.ts'
import { checkSchema, checkSchemas } from '../ports/standard-schema.ts'
import type { WatchedDomain } from '../ports/telemetry.ts'
import { limit, waitMs } from './check-options.ts'
import type { DomainOptions, FailureOptions } from './domain-options.ts'
import type { Domain, Domains, FailurePolicy } from './domain.ts'
import { handlerEvent } from './handler-event.ts'
import type { ResolvedHealing } from './healing/resolve-healing.ts'
import { resolveHealing } from './healing/resolve-healing.ts'
import { resolveFields } from './named-fields.ts'
import { PayloadRefused } from './payload-refused.ts'

/**
 * Resolves the domains of a configuration.
 *
 * @throws InturnError `config-invalid` for an option that is missing, unknown or out of its range
 */
export function resolveDomains<Transaction>(
  options: Readonly<Record<string, DomainOptions<Transaction>>>,
): Domains {
  if (typeof options !== 'object' || options === null || Object.keys(options).length === 0) {
    throw new InturnError('config-invalid', 'domains takes at least one domain: { name: { numbering, ... } }')
  }
  const domains = Object.entries(options).map(([name, domain]) => resolveDomain(name, domain))
  const byName = new Map(domains.map((domain) => [domain.name, domain]))
  checkTypes(options)
  const patterns = domains.flatMap((owner) =>
    (options[owner.name]?.types ?? []).map((pattern) => ({ pattern, owner })),
  )
  return {
    byName,
    only: domains.length === 1 ? domains[0] : undefined,
    ofType: typeOwner(patterns),
  }
}

/** What the domains whose streams are tracked have decided, for whoever looks at their streams. */
export function trackedOf({ byName }: Domains): ReadonlyMap<string, WatchedDomain> {
  return new Map([...byName].flatMap(([name, domain]) => (domain.kind === 'tracked' ? [[name, domain]] : [])))
}

/**
 * Checks that no type belongs to two domains. Where two patterns meet in one type, the first domain has it.
 */
function checkTypes(options: Readonly<Record<string, { readonly types?: readonly string[] }>>): void {
  const owners = new Map<string, string>()
  for (const [name, { types = [] }] of Object.entries(options)) {
    for (const type of new Set(types)) {
      if (typeof type !== 'string' || type === '') {
        throw new InturnError('config-invalid', `domains.${name}.types takes event types like 'account.*'`)
      }
      const owner = owners.get(type)
      owners.set(type, name)
      if (owner === undefined) continue
      throw new InturnError('config-invalid', `domains.${name}.types: ${type} belongs to ${owner} already`)
    }
  }
}

function resolveDomain<Transaction>(name: string, options: DomainOptions<Transaction>): Domain {
  const option = (field: string): string => `domains.${name}.${field}`
  checkDomain(name, options)
  const { effects, filter, schema, numbering, exactNumbers = false } = options
  const schemas = schema === undefined ? options.schemas : { '*': schema }
  const seen: Parameters<typeof handlerEvent>[0] = {
    exactNumbers,
    schemas: schemas === undefined ? undefined : new Map(Object.entries(schemas)),
    parsed: new WeakMap(),
  }
  const common = {
    name,
    effects,
    handle: callable(options.handle, option('handle')),
    handleBatch: callable(options.handleBatch, option('handleBatch')),
    filter: filter && ((event: InturnEvent) => refusing(filter, handlerEvent(seen, event))),
    ...seen,
    isSequential: options.effects === 'transaction' && options.sequential === true,
    fields: resolveFields(option('fields'), options.fields),
    timeoutMs: waitMs(options.timeout, { name: option('timeout'), fallback: '30s' }),
  }
  if (numbering.kind === 'unordered') {
    const failure = resolveFailure(name, { then: 'dead-letter', ...options.failure })
    if (failure.then === 'dead-letter') return { ...common, kind: 'unordered', numbering, failure }
    throw new InturnError(
      'config-invalid',
      `${option('failure.then')}: an unordered() domain has no stream to halt; it takes 'dead-letter'`,
    )
  }
  const healing = resolveGapHealing(name, options)
  const whole = (field: 'domainHeldMax' | 'handedOverMax', fallback: number): number =>
    limit(options[field], { name: option(field), fallback, least: 1 })
  return {
    ...common,
    kind: 'tracked',
    reading: { big: numbering.kind !== 'contiguous', signed: isSigned(numbering) },
    isWrapped: numbering.kind === 'contiguous' && numbering.modulus !== undefined,
    rules: { ...resolveLimits(name, options), heal: healing?.rules, numbering },
    healer: healing?.healer,
    healing: healing?.healing,
    failure: resolveFailure(name, options.failure ?? {}),
    domainHeldMax: whole('domainHeldMax', 100_000),
    handedOverMax: whole('handedOverMax', 1_000_000),
    producer: resolveProducer(name, options.producer),
    baseline: options.baseline,
  }
}

const trackedFields = [
  'gap',
  'baseline',
  'onReset',
  'producer',
  'heldMax',
  'domainHeldMax',
  'handedOverMax',
  'spanMax',
  'epochSpanMax',
  'conflictMemory',
  'sequential',
]
const domainFields = [
  'types',
  'fields',
  'numbering',
  'failure',
  'timeout',
  'filter',
  'schema',
  'schemas',
].concat(['effects', 'handle', 'handleBatch', 'exactNumbers'], trackedFields)
const numberings = ['contiguous', 'linked', 'increasing', 'unordered']

/** Checks what a domain's options are before anything is made of them. */
function checkDomain<Transaction>(name: string, options: DomainOptions<Transaction>): void {
  if (name === '') throw new InturnError('config-invalid', 'domains: a domain needs a name')
  const option = (field: string): string => `domains.${name}.${field}`
  const fail = (message: string): never => {
    throw new InturnError('config-invalid', message)
  }
  checkNames(options, `domains.${name}`, domainFields)
  const { numbering, effects, types = [], schemas } = options
  if (!isNumbering(numbering)) {
    fail(`${option('numbering')} takes contiguous(), linked(), increasing() or unordered()`)
  }
  if (numbering.kind === 'unordered') {
    const needless = trackedFields.find((field) => Object.hasOwn(options, field))
    if (needless !== undefined) fail(`${option(needless)} needs a numbering; unordered() has none`)
    checkNames(numbering.idWindow ?? {}, option('numbering.idWindow'), ['ids', 'ms'])
  }
  if (numbering.kind !== 'contiguous' && options.spanMax !== undefined) {
    fail(`${option('spanMax')} is for contiguous(); say ${numbering.kind}({ spanMax: ... })`)
  }
  if (options.baseline !== undefined && !hasStart(numbering)) {
    fail(
      `${option('baseline')} needs contiguous() with a start: only there a stream has a number to begin at`,
    )
  }
  if (effects !== 'transaction' && effects !== 'external') {
    fail(`${option('effects')} takes 'transaction' or 'external'`)
  }
  if ((options.handleBatch === undefined) === (options.handle === undefined)) {
    fail(`domains.${name} takes either handle or handleBatch`)
  }
  const sequential: unknown = Reflect.get(options, 'sequential')
  checkFlags(`domains.${name}`, { exactNumbers: options.exactNumbers, sequential })
  if (sequential !== undefined && effects === 'external') {
    fail(`${option('sequential')} is for effects: 'transaction'; handlers with 'external' share nothing`)
  }
  checkMethod(options.filter, { path: option('filter') })
  checkMethod(options.baseline, { path: option('baseline') })
  if (!Array.isArray(types)) fail(`${option('types')} takes a list of event types like 'account.*'`)
  if (options.schema !== undefined) {
    checkSchema(option('schema'), options.schema)
    if (schemas !== undefined) fail(`domains.${name} takes either schema or schemas`)
  }
  checkSchemas(option('schemas'), schemas)
}

function isNumbering(numbering: unknown): numbering is Numbering {
  if (typeof numbering !== 'object' || numbering === null || !('kind' in numbering)) return false
  return numberings.includes(String(numbering.kind))
}

function hasStart(numbering: Numbering): numbering is Contiguous {
  return numbering.kind === 'contiguous' && numbering.start !== 'first-seen'
}

function resolveLimits<Transaction>(
  name: string,
  options: DomainOptions<Transaction>,
): Omit<StreamRules, 'numbering' | 'heal'> {
  const defaults = defaultStreamLimits
  const { epochSpanMax } = options
  checkNames(options.gap ?? {}, `domains.${name}.gap`, ['patience', 'heal', 'then'])
  const gapEnd = options.gap?.then ?? defaults.gapEnd
  if (gapEnd !== 'wait' && gapEnd !== 'skip' && gapEnd !== 'halt') {
    throw new InturnError('config-invalid', `domains.${name}.gap.then takes 'wait', 'skip' or 'halt'`)
  }
  const of = (
    field: 'heldMax' | 'spanMax' | 'conflictMemory',
    range: { least: number; most?: number },
  ): number =>
    limit(options[field], { name: `domains.${name}.${field}`, fallback: defaults[field], ...range })
  return {
    heldMax: of('heldMax', { least: 1 }),
    spanMax: of('spanMax', { least: 1 }),
    epochSpanMax:
      epochSpanMax === undefined
        ? undefined
        : limit(epochSpanMax, { name: `domains.${name}.epochSpanMax`, fallback: 1, least: 1 }),
    conflictMemory: of('conflictMemory', { least: 0, most: 255 }),
    patienceMs: durationMs(options.gap?.patience ?? defaults.patienceMs, `domains.${name}.gap.patience`),
    gapEnd,
    onReset: resolveOnReset(name, options),
  }
}

/** The way to the field that names an event's producer. */
function resolveProducer(name: string, producer: unknown): readonly string[] | undefined {
  if (producer === undefined) return undefined
  if (typeof producer === 'string' && producer !== '') return pathKeys(producer)
  const example = "like 'source' or 'device.boot'"
  throw new InturnError(
    'config-invalid',
    `domains.${name}.producer takes the name of a field of the messages, ${example}`,
  )
}

function resolveOnReset<Transaction>(
  name: string,
  { onReset = defaultStreamLimits.onReset, numbering }: DomainOptions<Transaction>,
): ResetAnswer {
  if (onReset !== 'tell' && onReset !== 'halt' && onReset !== 'epoch') {
    throw new InturnError('config-invalid', `domains.${name}.onReset takes 'tell', 'halt' or 'epoch'`)
  }
  const hasFirst = numbering.kind === 'linked' || (hasStart(numbering) && numbering.modulus === undefined)
  if (onReset !== 'epoch' || hasFirst) return onReset
  throw new InturnError(
    'config-invalid',
    `domains.${name}.onReset: 'epoch' needs to know a run's first number: contiguous() with a start and no ` +
      `modulus, or linked(); take 'halt'`,
  )
}

function resolveGapHealing<Transaction>(
  name: string,
  { gap, numbering }: DomainOptions<Transaction>,
): ResolvedHealing | undefined {
  if (gap?.heal === undefined) return undefined
  if (numbering.kind !== 'increasing') return resolveHealing(name, gap.heal)
  throw new InturnError(
    'config-invalid',
    `domains.${name}.gap.heal: increasing() sees no gaps, so there is nothing to heal`,
  )
}

const failureFields = ['attempts', 'backoff', 'backoffMax', 'then', 'retryable']

function resolveFailure(name: string, options: FailureOptions): FailurePolicy {
  const { retryable } = options
  checkNames(options, `domains.${name}.failure`, failureFields)
  checkMethod(retryable, { path: `domains.${name}.failure.retryable` })
  const then = options.then ?? 'halt'
  if (then !== 'halt' && then !== 'dead-letter') {
    throw new InturnError('config-invalid', `domains.${name}.failure.then takes 'halt' or 'dead-letter'`)
  }
  return {
    attempts: limit(options.attempts, { name: `domains.${name}.failure.attempts`, fallback: 5, least: 1 }),
    backoffMs: durationMs(options.backoff ?? 100, `domains.${name}.failure.backoff`),
    backoffMaxMs: durationMs(options.backoffMax ?? '30s', `domains.${name}.failure.backoffMax`),
    then,
    retryable: retryable === undefined ? () => true : (error) => isWorthIt(retryable, error),
  }
}

/** What `retryable` says; one that throws says nothing, and every error is worth another attempt then. */
function isWorthIt(retryable: (error: unknown) => boolean, error: unknown): boolean {
  try {
    return atOnce(retryable(error))
  } catch {
    return true
  }
}

/** What a filter says; it refuses the event for which it throws. */
function refusing(filter: (event: InturnEvent) => boolean, event: InturnEvent): boolean {
  try {
    return atOnce(filter(event))
  } catch (error) {
    throw new PayloadRefused('filter', `it threw ${errorText(error)}`, { cause: error })
  }
}

/** Checks a handler. */
function callable<Subject>(
  handler: ((subject: Subject, context: never) => unknown) | undefined,
  name: string,
): ((subject: Subject, context: unknown) => unknown) | undefined {
  if (handler === undefined) return undefined
  checkMethod(handler, { path: name })
  return isHandler(handler) ? handler : undefined
}

/**
 * Handlers are called with the context that fits their domain's effects; its type was checked where they were
 * written.
 */
function isHandler<Subject>(
  handler: (subject: Subject, context: never) => unknown,
): handler is (subject: Subject, context: unknown) => unknown {
  return typeof handler === 'function'
}

// Values that a user's code may throw and that cannot be made text, or asked anything, in the ordinary way.

/** Each by a name, made anew: some of them can be used up. */
export const hostileValues: readonly (readonly [string, () => unknown])[] = [
  ['an object without a prototype', bare],
  ['a revoked proxy', () => revoked({})],
  ['a revoked proxy of a function', () => revoked(() => undefined)],
  ['a proxy whose traps throw', () => new Proxy(new Error('inside'), trapped)],
  ['a symbol', () => Symbol('no')],
  ['nothing', () => undefined],
  ['null', () => null],
  ['a text', () => 'plain'],
  ['a huge message', () => new Error('x'.repeat(5_000_000))],
  ['a list without end', () => Object.assign([1, 2, 3], { length: 2 ** 32 - 1 })],
  ['control characters, and half a character', () => new Error(`\u0000\u001b[2J\u202e\ud800`)],
  ['half a character at the limit', () => new Error(`${'x'.repeat(492)}😀`)],
  ['a getter of the message that throws', () => with_('message', { get: fail })],
  ['a getter of the name that throws', () => with_('name', { get: fail })],
  ['a getter of the code that throws', () => with_('code', { get: fail })],
  ['a message that has no text', () => with_('message', { value: bare() })],
  ['a name that has no text', () => with_('name', { value: Symbol('name') })],
  ['a text that throws', () => ({ toString: fail })],
  ['a text that recurses', () => recursive()],
  ['causes that go in a circle', () => circle()],
  ['errors that go in a circle', () => aggregate()],
  ['what only looks like one of ours', () => Object.defineProperty(bare(), 'code', { get: fail })],
]

function bare(): object {
  return Object.setPrototypeOf({}, null) as object
}

function fail(): never {
  throw new Error('it cannot be asked')
}

const trapped: ProxyHandler<Error> = { get: fail, has: fail, getPrototypeOf: fail, ownKeys: fail }

function revoked(target: object): unknown {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

function with_(name: string, descriptor: PropertyDescriptor): Error {
  return Object.defineProperty(new Error('as it was'), name, descriptor)
}

function recursive(): object {
  const value = { toString: (): string => `${String(value)}.` }
  return value
}

function circle(): Error {
  const [first, second] = [new Error('first'), new Error('second')]
  first.cause = second
  second.cause = first
  return first
}

function aggregate(): Error {
  const errors: Error[] = []
  const error = new AggregateError(errors, '')
  error.errors.push(error)
  return error
}

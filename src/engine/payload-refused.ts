// What an event fails with where it is not its handler that fails, but what it carries that is refused.

/** An event's payload is refused: the same event fails again until whoever refuses it is another one. */
export class PayloadRefused extends Error {
  /** @param by - what refuses it, as the configuration calls it */
  constructor(by: 'schema' | 'filter' | 'eventFrom', message: string, options?: { readonly cause: unknown }) {
    super(message, options)
    this.name = by
    // Where in inturn it was made tells nobody anything; what its cause came through does.
    this.stack = `${by}: ${message}`
  }
}

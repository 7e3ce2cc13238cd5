// The names that the demo's two processes use.

/** The consumer whose positions the demo keeps. */
export const demoConsumer = 'journal'

/** The domain of its events. */
export const demoDomain = 'account'

// Property tests draw from one seed, so that a run can be repeated and a landing depends on the change alone;
// `INTURN_TEST_SEED=random npm test` looks where no run has looked before, and a failure prints its seed.
import fc from 'fast-check'

const seed = process.env['INTURN_TEST_SEED'] ?? '20260101'

if (seed !== 'random') fc.configureGlobal({ seed: Number(seed) })

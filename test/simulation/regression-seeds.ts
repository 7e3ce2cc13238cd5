// Seeds that once broke an invariant, each with what was wrong. They are run for good. A seed means what
// scenario.ts draws from it: after a change there, find the fault again before trusting this list.

/** By seed: what it found. */
export const regressionSeeds: ReadonlyMap<number, string> = new Map([
  [
    84,
    'the claim holder gave up after eight rounds of handed-over events, and nobody came back for the rest',
  ],
  [338, 'a transaction that a dead worker had queued kept all others waiting'],
  [599, 'a gap that a stalled worker had seen was judged by when it was committed'],
  [830, 'an event in the inbox was settled when its stream had passed it, before it was decided'],
  [1257, 'a fill below the first number that was seen had no account'],
  [7259, 'a failure of an undone run was booked as the next attempt, though another worker had made it'],
  [31687, 'the check took an event that is in turn, held behind a halt over a later gap, for a gap itself'],
  [502681, 'an event beyond the end of its epoch, read again from a log, was taken for one below its start'],
  [502927, 'another event with the number of one that had come late was settled as its copy'],
  [510035, 'of an inbox with two epochs of a counter the later one was taken for what comes next'],
  [507508, 'an event with refused data that came late was taken out behind events that follow it'],
  [
    621407,
    'the check knew no account for the number of an event that came late, before a position was known',
  ],
  [711616, 'a refused event of a queue that came to three workers in turn was never kept in its inbox'],
  [
    701722,
    'the first number of a counter was not reached behind entries of its inbox for which there is no room',
  ],
  [900639, 'the check took no handler for late whose worker had stood still in it'],
  [
    910231,
    'a handler was called behind a gap that was not durably given up, and a number of it came after all',
  ],
  [763191, 'the check took the first number of a counter, held behind a halt over a later gap, for a gap'],
])

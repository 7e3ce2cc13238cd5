// An explanation says what a stream waits for, since when, what was tried, what happens next, and what moves
// it.
import { describe, expect, test } from 'vitest'
import { contiguous } from '../../../src/core/numbering.ts'
import { defaultStreamLimits } from '../../../src/core/rules.ts'
import type { GapEnd } from '../../../src/core/rules.ts'
import type { StreamState } from '../../../src/core/stream-state.ts'
import type { KnownDomains } from '../../../src/operate/domain-rules.ts'
import { explanationLines } from '../../../src/operate/explain-text.ts'
import { explainStream } from '../../../src/operate/explain.ts'
import type { Explanation } from '../../../src/operate/explain.ts'
import type { StoredStream } from '../../../src/ports/store-reader.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import { consumer, entry, gappedState, letter, putStream, stateOf } from './stored-stream.ts'
import type { StreamGiven } from './stored-stream.ts'

const none: KnownDomains = new Map()

function policy(gapEnd: GapEnd, modulus?: number): KnownDomains {
  const numbering = contiguous(modulus === undefined ? {} : { modulus })
  const rules = { ...defaultStreamLimits, numbering, gapEnd }
  return new Map([['account', { rules, failure: { attempts: 5, then: 'halt' } }]])
}

async function explained(
  given: Partial<StreamGiven> & { readonly state: StreamState },
  options: {
    readonly known?: KnownDomains
    readonly beats?: readonly number[]
    readonly now?: number
    readonly paused?: boolean
  } = {},
): Promise<Explanation> {
  let now = 1_000
  const store = memoryStore({ now: () => now })
  await store.open()
  for (const beat of options.beats ?? []) {
    now = beat
    await store.heartbeat(consumer, 'w')
  }
  now = 1_000
  const path = await putStream(store, { stream: 'a', ...given })
  if (options.paused === true) await store.record(consumer, { paused: [{ domain: 'account', paused: true }] })
  now = options.now ?? 61_000
  const stored = await store.reader.stream(consumer, path)
  if (stored === undefined) throw new Error('the stream is missing')
  return explainStream({ reader: store.reader, consumer }, stored, options.known ?? none)
}

function words(about: Explanation, ...commands: readonly string[]): string {
  return explanationLines(about, { hasCommand: (name) => commands.includes(name) }).join('\n')
}

describe('a gap', () => {
  const state = gappedState(4, [
    [8, 9],
    [12, 12],
  ])
  const held = [8, 9, 12]

  test('is told with its numbers, its age, what is held behind it and where the stream stands', async () => {
    const about = await explained({ state, held })
    expect(about).toMatchObject({
      standing: 'gap',
      expects: 5,
      held: 3,
      next: { kind: 'wait', isOverdue: undefined },
    })
    const text = words(about)
    expect(text).toContain('It waits for numbers 5 to 7 (3 of them)')
    expect(text).toContain('since 1970-01-01 00:00:01Z (1 min ago)')
    expect(text).toContain('behind it there is one more gap: 10 to 11')
    expect(text).toContain('it stands at 4; the next number is 5')
    expect(text).toContain('3 events held')
    expect(text).toContain('no worker is reading (none ever was)')
  })

  test('patience counts reading time, and says what its end brings', async () => {
    const beats = [0, 5_000, 10_000]
    const about = await explained({ state, held }, { known: policy('skip'), beats, now: 11_000 })
    expect(about.next).toEqual({ kind: 'skip', leftMs: 20_000 })
    expect(about.worker).toEqual({ isReading: true, lastBeatAt: 10_000 })
    const text = words(about)
    expect(text).toContain('10 s of its 30 s patience used')
    expect(text).toContain('after 20 s more of reading the missing numbers are given up as lost')
    expect(text).not.toContain('no worker is reading')
    expect(words(await explained({ state, held }, { known: policy('halt') }))).toContain(
      'more of reading the stream halts',
    )
  })

  test('that is overdue and only waits says so', async () => {
    const beats = Array.from({ length: 8 }, (_, index) => index * 5_000)
    const about = await explained({ state, held }, { known: policy('wait'), beats, now: 36_000 })
    expect(about.next).toEqual({ kind: 'wait', isOverdue: true })
    expect(words(about)).toContain('it is overdue')
  })

  test('only commands that exist are named', async () => {
    const about = await explained({ state, held })
    expect(words(about)).not.toContain('What moves it')
    const text = words(about, 'skip', 'fill')
    expect(text).toContain('inturn skip account/a ')
    expect(text).toContain('inturn fill account/a --from 5 --to 7')
  })

  test('of a counter that wraps is told as on the wire', async () => {
    const wrapped = gappedState(65_540, [[65_543, 65_543]])
    const about = await explained({ state: wrapped, held: [65_543] }, { known: policy('wait', 65_536) })
    expect(about.gaps).toMatchObject([{ from: 5, to: 6, unwrapped: { from: 65_541, to: 65_542 } }])
    expect(words(about)).toContain('it stands at 4 (unwrapped 65540); the next number is 5')
  })
})

describe('a failing event', () => {
  const failing = {
    epoch: 0,
    sequence: 5,
    attempts: 2,
    firstAt: 1_000,
    retryAt: 70_000,
    error: 'Error: no money',
  }
  const state = { ...gappedState(4, [[5, 6]]), failing }

  test('is told with its attempts, its error and when it is tried again', async () => {
    const about = await explained({ state, held: [5, 6] }, { known: policy('wait') })
    expect(about).toMatchObject({ standing: 'failing', next: { kind: 'attempt', at: 70_000, attempt: 3 } })
    const text = words(about, 'retry')
    expect(text).toContain('Its next event, 5, failed.')
    expect(text).toContain('tried 2 of 5 times')
    expect(text).toContain('the error: Error: no money')
    expect(text).toContain('attempt 3 is due at 1970-01-01 00:01:10Z')
    expect(text).toContain('inturn retry account/a')
  })

  test('that has used up its attempts halts its stream, and an operator decides', async () => {
    const halt = { cause: 'failure', at: 2_000, reason: 'Error: no money' } as const
    const about = await explained({ state: { ...state, halt }, held: [5, 6] })
    expect(about).toMatchObject({ standing: 'halted', next: { kind: 'operator', closesItself: false } })
    expect(words(about)).toContain('It is halted: its next event failed at every attempt.')
  })
})

describe('an attempt that is made in quarantine', () => {
  const running = {
    epoch: 0,
    sequence: 5,
    attempts: 5,
    firstAt: 1_000,
    retryAt: 70_000,
    error: 'the worker died, or was lost, while the handler ran',
    runningBy: 'w7',
  }
  const state = { ...gappedState(4, [[5, 6]]), failing: running }

  test('is told, and if it is the last one, what comes after it', async () => {
    const about = await explained({ state, held: [5, 6] }, { known: policy('wait') })
    expect(about.next).toEqual({ kind: 'give-up', at: 70_000, then: 'halt' })
    const text = words(about)
    expect(text).toContain('Its next event, 5, is in quarantine: a worker may have died of it.')
    expect(text).toContain('worker w7 makes an attempt now')
    expect(text).toContain('no attempt is left: unless the one under way succeeds, the stream halts, at 1970')
    const earlier = { ...state, failing: { ...running, attempts: 4 } }
    const left = await explained({ state: earlier, held: [5, 6] }, { known: policy('wait') })
    expect(left.next).toEqual({ kind: 'attempt', at: 70_000, attempt: 5 })
  })

  test('whose worker has died since is not told as if it were going on', async () => {
    const about = await explained({ state, held: [5, 6] }, { known: policy('wait'), now: 80_000 })
    const text = words(about)
    expect(text).toContain('worker w7 began an attempt that has not ended: it died, or is very slow')
    expect(text).toContain('no attempt is left: the stream halts, now.')
    expect(text).toContain('the error: the worker died')
    const other = words({ ...about, claimedBy: 'w8' })
    expect(other).toContain('worker w7 began an attempt that has not ended')
    expect(other).toContain('the worker w8 has it now')
  })

  test('that outlasts its time goes on for as long as its worker has the claim', async () => {
    const earlier = { ...state, failing: { ...running, attempts: 4 } }
    const about = await explained({ state: earlier, held: [5, 6] }, { known: policy('wait'), now: 80_000 })
    const text = words({ ...about, claimedBy: 'w7' })
    expect(text).toContain('if it dies, the next step is due once its claim has ended')
    expect(text).toContain(
      'Next: unless the one under way succeeds, attempt 5 is due once its claim has ended.',
    )
    expect(text).not.toContain('the error:')
    expect(words(about)).toContain('Next: attempt 5 is due now.')
  })
})

describe('other standings', () => {
  test('what was handed over is decided next, also behind a gap', async () => {
    const store = memoryStore()
    await store.open()
    const known = async (stream: string, state: StreamState): Promise<StoredStream> => {
      const path = await putStream(store, { stream, state, held: state.held.map(({ to }) => to) })
      const arrival = { domain: 'account', stream, epoch: 0, sequence: 5, data: {} }
      await store.handOver(consumer, [{ stream: path, arrival }])
      const stored = await store.reader.stream(consumer, path)
      if (stored === undefined) throw new Error('the stream is missing')
      return stored
    }
    const view = { reader: store.reader, consumer }
    const quiet = await explainStream(view, await known('a', gappedState(4, [])), none)
    expect(quiet).toMatchObject({ standing: 'in-turn', next: { kind: 'take' } })
    expect(words(quiet)).toContain('It waits for a worker, which has to decide what is in its inbox.')
    const gapped = await explainStream(view, await known('b', gappedState(4, [[8, 8]])), none)
    expect(gapped).toMatchObject({ standing: 'gap', next: { kind: 'take' } })
    expect(words(gapped)).toContain('1 event in its inbox, not decided yet')
  })

  test('fills that wait for their turn are not told as events', async () => {
    const [, fill] = gappedState(4, [
      [6, 7],
      [9, 9],
    ]).held
    if (fill === undefined) throw new Error('there is no span')
    const gapped = gappedState(4, [[6, 7]])
    const state = { ...gapped, heldCount: 3, held: [...gapped.held, { ...fill, kind: 'fill' as const }] }
    const about = await explained({ state, held: [6, 7] })
    expect(about).toMatchObject({ held: 3, heldFills: 1 })
    expect(words(about)).toContain('  2 events held, in order\n  1 fill held: numbers that will never come')
  })

  test('a halt over a gap ends by itself, one by an operator names them', async () => {
    const gap = {
      cause: 'gap',
      at: 2_000,
      reason: 'numbers 5 to 7',
      gapTo: { epoch: 0, sequence: 7 },
    } as const
    const byGap = await explained({ state: { ...gappedState(4, [[8, 8]]), halt: gap }, held: [8] })
    expect(words(byGap)).toContain('the halt ends by itself when everything missing has come')
    const operator = { cause: 'operator', at: 2_000, reason: 'migration', by: 'ann' } as const
    const byAnn = await explained({ state: { ...gappedState(4, []), halt: operator } })
    expect(words(byAnn)).toContain('It is halted by ann: an operator stopped it.')
    expect(words(byAnn)).toContain('reason: migration')
  })

  test('nothing to wait for, nothing known yet, in turn, paused', async () => {
    expect(words(await explained({ state: gappedState(4, []) }))).toContain('It waits for nothing')
    const unknown = await explained({ state: stateOf({}) })
    expect(unknown).toMatchObject({ standing: 'unknown', position: null, expects: 1 })
    expect(words(unknown)).toContain('its position is unknown')
    expect((await explained({ state: gappedState(4, [[5, 5]]), held: [5] })).next).toEqual({ kind: 'take' })
    const paused = await explained({ state: gappedState(4, [[5, 5]]), held: [5] }, { paused: true })
    expect(words(paused, 'resume')).toContain('The domain account is paused by an operator.')
  })

  test('accounts, dead letters and the last of the ledger are told', async () => {
    const state = stateOf({ position: 9, baseline: 1, counts: { delivered: 2, lost: 7 } })
    const ledger = Array.from({ length: 7 }, (_, index) =>
      entry('a', { kind: 'lost', from: index + 1, to: index + 1, reason: 'gap-skipped' }),
    )
    const about = await explained({ state, ledger, deadLetters: [letter('a', { reason: 'late' })] })
    expect(about.ledger.map(({ from }) => from)).toEqual([3, 4, 5, 6, 7])
    const text = words(about)
    expect(text).toContain('Accounts: 2 delivered, 7 lost')
    expect(text).toContain('Dead letters: 1 late')
    expect(text).toContain('lost 7  by inturn: gap-skipped')
  })
})

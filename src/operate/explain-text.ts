// Puts an explanation into words for a person at three in the morning: first what is wrong, then since when,
// what was tried, what happens by itself, and what can be done.
import type { Duplicates } from '../core/stream-state.ts'
import { moment, momentFrom, spell } from '../core/time-words.ts'
import { partialText } from '../ports/commit-commands.ts'
import { giveUpWords, nextAttemptWords, runningWords, triedWords } from './attempt-words.ts'
import type { Explanation } from './explain.ts'
import type { StreamGap } from './read-gaps.ts'
import { restartWords } from './restart-words.ts'
import type { ShownNumber } from './shown-number.ts'
import { numberText, rangeText } from './shown-number.ts'
import type { LetterNote } from './stream-letters.ts'

/** What a renderer has to know of where it is. */
export interface ExplanationSetting {
  /** Whether the reader can run an operator's command: only those are named. */
  readonly hasCommand: (name: string) => boolean
}

/** An explanation in words, one line each; an indented line belongs to the one above. */
export function explanationLines(about: Explanation, { hasCommand }: ExplanationSetting): readonly string[] {
  const actions = about.actions.filter(({ command }) => hasCommand(command))
  const moving = actions.filter(({ isBeside }) => isBeside !== true)
  const beside = actions.filter(({ isBeside }) => isBeside === true)
  return [
    `${about.stream} for consumer ${about.consumer}`,
    '',
    ...whatItWaitsFor(about),
    '',
    `Next: ${nextWords(about)}`,
    ...workerWords(about),
    ...pausedWords(about),
    ...(moving.length === 0 ? [] : ['', 'What moves it:']),
    ...moving.flatMap(actionWords),
    '',
    ...accountWords(about),
    ...beside.flatMap(actionWords),
    `Last changed: ${momentFrom(about.changedAt, about.now)}`,
    ...historyWords(about),
  ]
}

function actionWords({ line, effect }: Explanation['actions'][number]): readonly string[] {
  return [`  ${effect}:`, `    ${line}`]
}

function whatItWaitsFor(about: Explanation): readonly string[] {
  const { standing, halt, failing, now } = about
  switch (standing) {
    case 'halted': {
      const who = halt?.by === undefined ? '' : ` by ${halt.by}`
      return [
        `It is halted${who}: ${haltCause(about)}`,
        `  since ${halt === undefined ? 'an unknown time' : momentFrom(halt.at, now)}`,
        ...(halt?.reason === undefined ? [] : [`  reason: ${halt.reason}`]),
        ...counterWords(about),
        ...triedWords(about),
        ...missingWords(about),
        ...standsAt(about),
      ]
    }
    case 'failing':
      return [
        `Its next event, ${failing === undefined ? '' : numberWords(failing)}, ${failedWords(about)}.`,
        ...(failing === undefined ? [] : [`  since ${momentFrom(failing.firstAt, now)}`]),
        ...triedWords(about),
        ...standsAt(about),
      ]
    case 'paused':
      return [
        `The domain ${about.domain} is paused by an operator.`,
        ...pauserWords(about),
        ...missingWords(about),
        ...standsAt(about),
      ]
    case 'gap':
      return [...gapWords(about), ...standsAt(about)]
    case 'ready':
      return ['Its next event is held and in turn; nothing stands in its way.', ...standsAt(about)]
    case 'in-turn':
      return [inTurnWords(about), ...standsAt(about)]
    case 'unknown':
      return ['Nothing of it has been accounted for yet; its position is unknown.', ...standsAt(about)]
  }
}

function failedWords({ failing }: Explanation): string {
  return failing?.runningBy === undefined ? 'failed' : 'is in quarantine: a worker may have died of it'
}

function inTurnWords({ handedOver, redrives, isInboxSeen, claimedBy }: Explanation): string {
  if (claimedBy !== undefined) return 'A worker has it in hand, and decides and handles what came.'
  if (handedOver === redrives) return 'It waits for nothing: all that came is accounted for.'
  return isInboxSeen
    ? 'It waits for room, or for what comes before the events in its inbox.'
    : 'It waits for a worker, which has to decide what is in its inbox.'
}

function haltCause({ halt, failing }: Explanation): string {
  switch (halt?.cause) {
    case 'gap':
      return 'a gap outlasted its patience.'
    case 'failure':
      return 'its next event failed at every attempt.'
    case 'schema':
      return `its next event${refusedNumber(failing)} is refused for what it carries.`
    case 'effect-partial':
      return 'an effect was carried out in part; it is never retried by itself.'
    case 'half-turn':
      return 'its counter has gone too far to tell of which turn a number is.'
    case 'operator':
      return 'an operator stopped it.'
    case 'restart':
      return 'its producer seems to have started to count again.'
    case undefined:
      return 'no cause is known.'
  }
}

function refusedNumber(failing: Explanation['failing']): string {
  return failing === undefined ? '' : `, ${numberWords(failing)},`
}

function counterWords({ halt }: Explanation): readonly string[] {
  if (halt?.cause !== 'half-turn') return []
  return ['  what cannot be placed without doubt is refused, and stays with its source']
}

function gapWords(about: Explanation): readonly string[] {
  const { gaps, now } = about
  const [head, ...behind] = gaps
  if (head === undefined) return []
  const { since, waitedMs, policy } = head
  const hasCome = about.missingLetters.some(({ isHead, isInDoubt }) => isHead && isInDoubt !== true)
  const patience =
    policy === undefined
      ? `  workers have been reading for ${spell(waitedMs)} of that time`
      : `  ${spell(waitedMs)} of its ${spell(policy.patienceMs)} patience used; only reading time counts`
  return [
    `It waits for ${rangeWords(head)}, which did not ${hasCome ? 'get into it' : 'come'}.`,
    ...missingLetterWords(about),
    `  since ${momentFrom(since, now)}`,
    ...healingWords(head, now),
    patience,
    ...(behind.length === 0 ? [] : [`  behind it there ${gapCount(behind.length)}: ${someRanges(behind)}`]),
  ]
}

function healingWords({ healing }: StreamGap, now: number): readonly string[] {
  if (healing === undefined) return []
  const { attempts, attemptsMax, nextAt, searched } = healing
  const when = nextAt === undefined ? undefined : momentFrom(nextAt, now)
  const notYet = '  its healer was not asked yet; the first time is due'
  if (attempts === 0) return when === undefined ? [] : [`${notYet} ${when}`]
  const most = attemptsMax === undefined ? '' : ` of ${attemptsMax}`
  const asked = `  its healer was asked ${attempts}${most} times`
  const next = attempts === attemptsMax ? 'the last answer is waited for until' : 'again'
  return [
    when === undefined ? `${asked}; that was all` : `${asked}; ${next} ${when}`,
    ...(searched === undefined ? [] : [`  it searched ${searched}`]),
  ]
}

/** What is missing at the head of a stream that stands still for another reason, too. */
function missingWords(about: Explanation): readonly string[] {
  const { gaps, halt, now } = about
  const [head] = gaps
  if (head === undefined || !(head.isHead || halt?.cause === 'gap')) return []
  return [`  missing: ${rangeWords(head)}`, ...missingLetterWords(about), ...healingWords(head, now)]
}

/** Who paused the domain, since when, and why. */
function pauserWords({ paused, now }: Explanation): readonly string[] {
  if (paused === undefined) return []
  return [`  by ${paused.by}, since ${momentFrom(paused.at, now)}`, `  reason: ${paused.reason}`]
}

/** What operators and workers that died have left behind. */
function besidesWords(about: Explanation): readonly string[] {
  const { soughtBack, now } = about
  return [
    ...(soughtBack === undefined
      ? []
      : [
          `  ${soughtBack.by} moved it back from ${topText(soughtBack)}, ${momentFrom(soughtBack.at, now)}`,
          `  reason: ${soughtBack.reason}`,
        ]),
    ...restartWords(about),
    ...runningWords(about),
    ...partialWords(about),
    ...quarantineWords(about),
  ]
}

function quarantineWords({ caution, suspects }: Explanation): readonly string[] {
  if (caution === 0) return []
  const some = suspects === 0 ? '' : `; ${suspects} of them under way, now or when a worker died`
  return [
    '  a worker died that may have had it in hand: attempts are kept before handlers start, in quarantine',
    `  (${count(caution, 'delivery')} to go${some})`,
  ]
}

function topText({ to, unwrapped }: NonNullable<Explanation['soughtBack']>): string {
  return numberText({ sequence: to, unwrapped: unwrapped?.to ?? to })
}

/** What a worker that was lost has left half done. */
function partialWords({ partial }: Explanation): readonly string[] {
  if (partial === undefined) return []
  return [
    `  in event ${numberText(partial)}, ${partialText(partial)}`,
    '  the next worker that gets this event calls no handler, and stops the stream there',
  ]
}

function standsAt(about: Explanation): readonly string[] {
  const { position, expects, held, heldFills, handedOver, redrives } = about
  const undecided = handedOver - redrives
  const next = expects === null ? '' : `; the next number is ${nextText(about)}`
  const stands =
    position === null
      ? `  it has no position yet${next}`
      : `  it stands at ${numberWords(position)}${wireEpochWords(about)}${next}`
  const waiting = [
    held === heldFills ? '' : `${count(held - heldFills, 'event')} held, in order`,
    heldFills === 0 ? '' : `${count(heldFills, 'fill')} held: numbers that will never come`,
    undecided === 0 ? '' : `${count(undecided, 'event')} in its inbox, not decided yet`,
    redrives === 0 ? '' : `${count(redrives, 'retry')} of dead letters waiting for a worker`,
  ].filter((words) => words !== '')
  return [stands, ...waiting.map((words) => `  ${words}`), ...besidesWords(about)]
}

function nextWords(about: Explanation): string {
  const { next } = about
  switch (next.kind) {
    case 'attempt':
      return nextAttemptWords(about, next)
    case 'give-up':
      return giveUpWords(about, next)
    case 'heal':
      return `attempt ${next.attempt} of ${next.attemptsMax} to have it healed is due at ${moment(next.at)}.`
    case 'skip':
      return `after ${spell(next.leftMs)} more of reading the missing numbers are given up as lost.`
    case 'halt':
      return `after ${spell(next.leftMs)} more of reading the stream halts.`
    case 'wait':
      return waitWords(next.isOverdue)
    case 'take':
      return 'a worker takes it at its next round.'
    case 'operator':
      if (about.halt?.cause === 'restart') {
        return "an operator decides; with onReset: 'epoch' the first event of the new run does."
      }
      return next.closesItself
        ? 'the halt ends by itself when everything missing has come; otherwise an operator decides.'
        : 'nothing happens by itself; an operator decides.'
    case 'event':
      return 'the next event moves it.'
  }
}

function waitWords(isOverdue: boolean | undefined): string {
  if (isOverdue === undefined) {
    return 'it goes on when they come. What happens when they do not is in the configuration (--config).'
  }
  const overdue = isOverdue ? 'it is overdue, and the' : 'the'
  return `it goes on when they come; ${overdue} policy of its domain is to wait for as long as it takes.`
}

function workerWords({ worker, now, claimedBy }: Explanation): readonly string[] {
  const has = claimedBy === undefined ? [] : [`  the worker ${claimedBy} has it now`]
  if (worker.isReading) return has
  const last =
    worker.lastBeatAt === undefined ? 'none ever was' : `last ${momentFrom(worker.lastBeatAt, now)}`
  const then =
    claimedBy === undefined
      ? 'until one does, nothing moves and patience stands still'
      : 'if it died, its claim ends by itself, and the next one to read goes on'
  return [...has, `  no worker is reading (${last}): ${then}`]
}

function pausedWords({ isPaused, standing, domain, paused }: Explanation): readonly string[] {
  if (!isPaused || standing === 'paused') return []
  const who = paused === undefined ? '' : ` by ${paused.by}: ${paused.reason}`
  return [`  besides, the domain ${domain} is paused${who}`]
}

function accountWords(explanation: Explanation): readonly string[] {
  const { counts, duplicates, deadLetters, refusedLetters, now } = explanation
  const accounts = Object.entries(counts)
    .filter(([, value]) => Number(value) > 0)
    .map(([name, value]) => `${value} ${name}`)
  const letters = Object.entries(deadLetters).map(([reason, value]) => `${value} ${reason}`)
  return [
    `Accounts: ${accounts.length === 0 ? 'none' : accounts.join(', ')}`,
    ...(duplicates === undefined
      ? []
      : [`Duplicates: ${duplicates.count}, ${duplicateTimes(duplicates, now)}`]),
    ...(letters.length === 0 ? [] : [`Dead letters: ${letters.join(', ')}`]),
    ...refusedLetterWords(refusedLetters),
    ...conflictLetterWords(explanation),
    ...implausibleLetterWords(explanation),
  ]
}

function duplicateTimes({ firstAt, lastAt }: Duplicates, now: number): string {
  if (firstAt === lastAt) return momentFrom(lastAt, now)
  return `the first ${momentFrom(firstAt, now)}, the last ${momentFrom(lastAt, now)}`
}

function historyWords({ ledger }: Explanation): readonly string[] {
  if (ledger.length === 0) return []
  const lines = ledger.map(({ at, kind, from, to, unwrapped, by, reason }) => {
    const whole = unwrapped === undefined ? {} : { unwrapped }
    const range = from === undefined || to === undefined ? '' : ` ${rangeText({ from, to, ...whole })}`
    return `  ${moment(at)}  ${kind}${range}  by ${by}: ${reason}`
  })
  return ['Ledger, the newest last:', ...lines]
}

function nextText({ expects, expectsUnwrapped }: Explanation): string {
  if (expects === null) return ''
  return numberText({ sequence: expects, unwrapped: expectsUnwrapped ?? expects })
}

function wireEpochWords({ position }: Explanation): string {
  const { wireEpoch } = position ?? {}
  return wireEpoch === undefined ? '' : ` (epoch ${wireEpoch} as its producer writes it)`
}

function rangeWords(gap: StreamGap): string {
  const { epoch, from, to, missing } = gap
  if (from === null) return `the beginning of its chain, up to ${numberWords({ epoch, sequence: to })}`
  const range = `${rangeText(gap)}${epochWords(epoch)}`
  return missing === 1 ? `number ${range}` : `numbers ${range} (${missing ?? '?'} of them)`
}

function someRanges(gaps: readonly StreamGap[]): string {
  const shown = gaps.slice(0, 5).map(rangeText)
  return gaps.length > shown.length ? `${shown.join(', ')}, ...` : shown.join(', ')
}

function gapCount(gaps: number): string {
  return gaps === 1 ? 'is one more gap' : `are ${gaps} more gaps`
}

function numberWords(number: ShownNumber & { readonly epoch: number }): string {
  return `${numberText(number)}${epochWords(number.epoch)}`
}

function epochWords(epoch: number): string {
  return epoch === 0 ? '' : ` of epoch ${epoch}`
}

function count(value: number, word: string): string {
  if (value === 1) return `${value} ${word}`
  return word.endsWith('y') ? `${value} ${word.slice(0, -1)}ies` : `${value} ${word}s`
}

const lettersShownMax = 5

/** The missing numbers that did come. */
function missingLetterWords({ missingLetters }: Explanation): readonly string[] {
  const lines = missingLetters.slice(0, lettersShownMax).map((letter) => {
    const { reason, detail, sequence, isInDoubt } = letter
    return isInDoubt === true
      ? `  ${numberWords(letter)} may have come: a dead letter (${reason}) bears ${sequence}: ${detail}`
      : `  ${numberWords(letter)} came, and is a dead letter (${reason}): ${detail}`
  })
  const more = missingLetters.length - lines.length
  return more > 0 ? [...lines, `  ... and ${more} more of them are dead letters`] : lines
}

/** What was wrong with those that were refused, the newest last. */
function refusedLetterWords(letters: readonly LetterNote[]): readonly string[] {
  const shown = letters.slice(-lettersShownMax)
  const lines = shown.map((letter) => `  ${numberWords(letter)} was refused. ${letter.detail}`)
  return letters.length > shown.length ? ['  the newest of the reason schema:', ...lines] : lines
}

/** Other events that bear used numbers: where the producer counts again, they are of its new run. */
function conflictLetterWords({
  conflictLetters,
  deadLetters,
  restart,
  position,
  nextRun,
}: Explanation): string[] {
  if (conflictLetters.length === 0) return []
  const shown = conflictLetters.slice(-lettersShownMax).map(numberWords)
  const more = (deadLetters['conflict'] ?? 0) - shown.length
  const numbers = more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ')
  const isRestarted = restart !== undefined || nextRun !== undefined || position?.wireEpoch !== undefined
  const then = isRestarted
    ? 'what its new run made of them has to be sent again, once its epoch is open'
    : 'two producers may have used one number'
  return [
    `  another event came under a used number (conflict), and was not handled: ${numbers}`,
    `    ${then}`,
  ]
}

/** What a producer sends that has jumped is all of this kind, and its stream seems to wait for nothing. */
function implausibleLetterWords({ deadLetters }: Explanation): string[] {
  if (deadLetters['implausible'] === undefined) return []
  return [
    '  what came with a number too far ahead to be believed (implausible) was not handled',
    '    a corrupt number; or its producer has jumped: then inturn seek up to it, and inturn dead retry',
  ]
}

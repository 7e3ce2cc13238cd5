// Which commands would move a stream that does not move by itself: the whole line, ready to paste, and what
// it does. Each line refuses if the stream has moved by then.
import { currentEpoch, isNextEpochFree } from '../core/restart.ts'
import type { StreamRules } from '../core/rules.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { StreamState } from '../core/stream-state.ts'
import { haltStops } from '../core/stream-state.ts'
import type { OperatorCommand } from './change-stream.ts'
import { wireOf } from './domain-rules.ts'
import { positionText } from './operator-options.ts'
import type { StreamGap } from './read-gaps.ts'

/** What an operator could do, by the command that does it. */
export interface OperatorAction {
  readonly command: OperatorCommand | 'dead'
  /** The whole command line; the reason in it is to be replaced. */
  readonly line: string
  readonly effect: string
  /** It is about dead letters of the stream, and does not move it. */
  readonly isBeside?: true
}

/** A stream for which an operator could do something. */
export interface ActionSetting {
  readonly stream: StreamPath
  readonly domain: string
  readonly state: StreamState
  readonly rules: StreamRules
  /** The gap at the head first. */
  readonly gaps: readonly StreamGap[]
  readonly isPaused: boolean
}

/** What an operator could do, the most likely first. */
export function operatorActions(setting: ActionSetting): readonly OperatorAction[] {
  const { state, domain, isPaused } = setting
  const { halt, failing } = state
  const paused = isPaused
    ? [
        {
          command: 'resume',
          line: lineOf('resume', encodeURIComponent(domain), []),
          effect: 'lets the whole domain go on',
        } as const,
      ]
    : []
  if (halt?.cause === 'operator') return [...paused, action(setting, ['resume'], 'ends the halt')]
  const restart = overRestart(setting)
  const counter = overCounter(setting)
  if (failing !== undefined) return [...paused, ...overFailure(setting), ...counter, ...restart]
  const isHalted = haltStops(state) && halt?.cause !== 'restart'
  const isGap = isHalted || (halt?.cause !== 'restart' && setting.gaps.some(({ isHead }) => isHead))
  return [...paused, ...(isGap ? overGap(setting) : []), ...counter, ...restart]
}

/** What can be said of a counter that has gone too far. */
function overCounter(setting: ActionSetting): readonly OperatorAction[] {
  const { state, rules } = setting
  if (state.halt?.cause !== 'half-turn') return []
  const top = state.held.at(-1)?.to ?? state.position
  const from = top === undefined ? '' : `, ${String(wireOf(rules, top))},`
  const effect =
    `goes on from the greatest number held${from} once nothing below it is missing; right if the source ` +
    'offers what was refused again in its order, as a log does (else seek first)'
  return [action(setting, ['resume'], effect)]
}

const settledWords = 'what bears a used number is a duplicate, or, with another id than known, a conflict'

/** What can be said of a producer that may count again; nothing where a halt of another kind comes first. */
function overRestart(setting: ActionSetting): readonly OperatorAction[] {
  const { state } = setting
  const { restart, halt } = state
  if (restart === undefined || (halt !== undefined && halt.cause !== 'restart')) return []
  const isTellable = restart.evidence !== 'id' && isNextEpochFree(state)
  const since = restart.since === undefined ? '' : ` ${new Date(restart.since).toISOString()}`
  const of = restart.evidence === 'producer' ? 'other producers make' : `was made from${since} on`
  return [
    ...(isTellable
      ? [
          action(
            setting,
            ['seek', '--new-epoch'],
            `it counts again: what ${of} is of epoch ${(currentEpoch(state) ?? 0) + 1}`,
          ),
        ]
      : []),
    action(setting, ['resume'], `it does not: ${settledWords}`),
  ]
}

function overFailure(setting: ActionSetting): readonly OperatorAction[] {
  const { failing, halt } = setting.state
  const sequence = failing === undefined ? [] : [`--sequence ${wireOf(setting.rules, failing.sequence)}`]
  const again = againWords(halt)
  const more = halt?.cause === 'schema' ? 'is checked once more' : 'has one more attempt'
  return [
    action(setting, ['retry'], again),
    action(setting, ['skip', ...sequence], 'takes the event out, as a dead letter, and goes on behind it'),
    ...(haltStops(setting.state) ? [action(setting, ['resume'], `ends the halt; the event ${more}`)] : []),
  ]
}

function againWords(halt: StreamState['halt']): string {
  if (halt?.cause === 'effect-partial') {
    return 'does the event once more: you answer for the part that was done already'
  }
  return halt?.cause === 'schema'
    ? 'checks the event again now, and has it handled if the configuration takes it'
    : 'tries the event again now, with all its attempts'
}

function overGap(setting: ActionSetting): readonly OperatorAction[] {
  const { gaps, rules, state } = setting
  const [head] = gaps
  const isHealed = rules.heal !== undefined
  const retried = haltStops(state) || isHealed
  const again = isHealed
    ? 'has the healer asked again, with the patience begun anew'
    : 'begins its patience anew'
  if (head === undefined) return [action(setting, ['resume'], 'ends the halt')]
  const onward = action(setting, ['resume'], 'lets what has come go on, up to the next gap')
  const seen = head.from === null ? [] : [`--sequence ${head.from}`]
  const canFill = head.from !== null && rules.numbering.kind === 'contiguous'
  const range = [
    `--from ${head.from}`,
    `--to ${head.to}`,
    ...(head.epoch === state.epoch ? [] : [`--epoch ${head.epoch}`]),
  ]
  // Part of the gap that halted it has come: until that is delivered there is no gap to be skipped.
  if (!head.isHead) return [onward]
  return [
    ...(retried ? [action(setting, ['retry'], again)] : []),
    action(setting, ['skip', ...seen], 'gives the missing numbers up as lost and goes on behind them'),
    ...(canFill ? [action(setting, ['fill', ...range], 'says that the numbers were never used')] : []),
  ]
}

function action(
  { stream, state, rules }: ActionSetting,
  [command, ...flags]: readonly [command: OperatorCommand, ...flags: readonly string[]],
  effect: string,
): OperatorAction {
  const { epoch, position } = state
  const at = position === undefined ? 'unknown' : positionText({ epoch, sequence: wireOf(rules, position) })
  return { command, line: lineOf(command, stream, [...flags, `--expect-position ${at}`]), effect }
}

function lineOf(command: string, name: string, flags: readonly string[]): string {
  return ['inturn', command, argumentWord(name), ...flags, '--reason "..."'].join(' ')
}

/** The encoded name of a stream or a domain as an argument: what begins with a hyphen would be a flag. */
export function argumentWord(name: string): string {
  return shellWord(name.replace(/^-/, '%2D'))
}

/** A text as a shell takes it for one word. */
export function shellWord(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

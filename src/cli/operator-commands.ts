// What an operator does to a stream or a whole domain: `retry`, `skip`, `fill`, `halt`, `resume`, `seek` and
// `pause`. Each says who and why, finds the store and the stream, acts, and prints what came of it.
import { Command } from 'commander'
import { InturnError } from '../core/errors.ts'
import { readTime } from '../core/producer-runs.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import { historyOf } from '../engine/stream-history.ts'
import type { StreamOperation, StreamRequest } from '../operate/change-stream.ts'
import { fill, halt, openEpoch, resume, retry, skip } from '../operate/operate-stream.ts'
import type { FillOperation } from '../operate/operate-stream.ts'
import type { OperatorOptions, OperatorTarget } from '../operate/operator-options.ts'
import { namedNumber } from '../operate/operator-options.ts'
import type { DomainOperation, DomainRequest } from '../operate/pause-domain.ts'
import { pauseDomain, resumeDomain } from '../operate/pause-domain.ts'
import type { SeekOperation } from '../operate/seek.ts'
import { seek } from '../operate/seek.ts'
import type { OperatorFlags } from './operator-flags.ts'
import { addOperatorFlags, addStreamOperatorFlags, operatorOf, operatorOptions } from './operator-flags.ts'
import { printOperation } from './print-operation.ts'
import { printJson, printLines } from './print.ts'
import { ProgressLine } from './progress-line.ts'
import { sinceText, untilText, windowOf } from './replay.ts'
import type { FoundStore, StoreFlags } from './store-flags.ts'
import { addStoreFlags, viewOf, withOperatorTarget } from './store-flags.ts'
import { findNamedStream, streamArgument } from './stream-argument.ts'
import { grouped } from './table.ts'
import { wholeNumberOption } from './whole-number.ts'

type CommonFlags = StoreFlags & OperatorFlags

/** Acts on the stream that was found. */
type Act = (target: OperatorTarget, request: StreamRequest, found: FoundStore) => Promise<Acted>

/** What came of it, and lines that only this command prints. */
interface Acted {
  readonly operation: StreamOperation
  readonly lines?: readonly string[]
}

interface FillFlags extends CommonFlags {
  readonly from: number
  readonly to: number
  readonly epoch?: number
}

interface SeekFlags extends CommonFlags {
  readonly to?: string
  readonly epoch?: number
  readonly newEpoch?: boolean
  readonly since?: string
  readonly until?: string
}

/** The commands by their names. */
export const operatorCommands = {
  retry: (): Command =>
    streamCommand(
      'retry',
      'try a failed event again with all its attempts, or a gap with its healing and patience begun anew',
      () => plainly(retry),
    ),
  skip: (): Command =>
    streamCommand<CommonFlags & { readonly sequence?: string }>(
      'skip',
      'give up what a stream stands at: missing numbers are lost, an event becomes a dead letter',
      ({ sequence: named }) => {
        const seen = named === undefined ? {} : { sequence: namedNumber(named, '--sequence') }
        return plainly((target, request) => skip(target, { ...request, ...seen }))
      },
    ).option('--sequence <n>', 'the number that you saw: refuse if the stream stands at another one by now'),
  fill: (): Command =>
    streamCommand<FillFlags>(
      'fill',
      'say that numbers were never used and will never come: the stream goes on over them',
      ({ from, to, epoch }) =>
        async (target, request) => {
          const numbers = { from, to, ...(epoch !== undefined && { epoch }) }
          const operation = await fill(target, { ...request, ...numbers })
          return { operation, lines: overlapLines(operation) }
        },
    )
      .requiredOption('--from <n>', 'the first of the numbers', numberOf('--from'))
      .requiredOption('--to <n>', 'the last of the numbers', numberOf('--to'))
      .addOption(wholeNumberOption('--epoch <n>', 'their epoch (default: that of the position)')),
  halt: (): Command =>
    streamCommand('halt', 'stop one stream; what comes is held until it is resumed', () => plainly(halt)),
  resume: (): Command =>
    addStreamOperatorFlags(addStoreFlags(new Command('resume')))
      .description('end the halt of a stream, or let a paused domain go on')
      .argument('<stream or domain>', 'a stream as <domain>/<stream>, each percent-encoded, or just a domain')
      .action(async (name: string, flags: CommonFlags) => {
        const options = operatorOptions(flags)
        if (name.includes('/')) await actOnStream(name, flags, options, plainly(resume))
        else await actOnDomain(flags, { ...options, domain: name }, resumeDomain)
      }),
  seek: (): Command =>
    streamCommand<SeekFlags>(
      'seek',
      'move the position of a stream: forwards over numbers, or backwards to handle them once more',
      (flags) => (flags.newEpoch === true ? openNext(flags) : moveTo(flags)),
    )
      .option('--to <n>', 'the position to move to; the next number is the one after it')
      .addOption(wholeNumberOption('--epoch <n>', 'its epoch (default: that of the position)'))
      .option('--new-epoch', 'its producer counts again: what it made since is of the next epoch')
      .option(
        '--since <edge>',
        `${sinceText}; with --new-epoch: since when, as its events say it (default: what explain says)`,
      )
      .option('--until <edge>', untilText),
  pause: (): Command =>
    addOperatorFlags(addStoreFlags(new Command('pause')))
      .description('stop a whole domain: what comes is held, nothing is delivered, retried or given up')
      .argument('<domain>', 'the domain')
      .action((domain: string, flags: CommonFlags) =>
        actOnDomain(flags, { ...operatorOf(flags), domain }, pauseDomain),
      ),
} as const

/** A command on one stream. What its flags say is checked before a store is opened. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- commander does not type flags
function streamCommand<Flags extends CommonFlags>(
  name: string,
  description: string,
  actWith: (flags: Flags) => Act,
): Command {
  return addStreamOperatorFlags(addStoreFlags(new Command(name)))
    .description(description)
    .argument('<stream>', streamArgument)
    .action(async (stream: string, flags: Flags) => {
      const options = operatorOptions(flags)
      await actOnStream(stream, flags, options, actWith(flags))
    })
}

function plainly(operate: (target: OperatorTarget, request: StreamRequest) => Promise<StreamOperation>): Act {
  return async (target, request) => ({ operation: await operate(target, request) })
}

async function actOnStream(
  name: string,
  flags: CommonFlags,
  options: OperatorOptions,
  act: Act,
): Promise<void> {
  await withOperatorTarget(flags, async (target, found) => {
    const stored = await findNamedStream(viewOf(target), name)
    if (stored === undefined) return
    const { operation, lines } = await act(target, { ...options, stream: stored.stream }, found)
    await printOperation(operation, { ...flags, known: target.domains }, lines)
  })
}

async function actOnDomain(
  flags: CommonFlags,
  request: DomainRequest,
  operate: (target: OperatorTarget, request: DomainRequest) => Promise<DomainOperation>,
): Promise<void> {
  await withOperatorTarget(flags, async (target, found) => {
    await checkDomain(target, found, request.domain)
    const operation = await operate(target, request)
    await (flags.json === true ? printJson(operation) : printLines(domainLines(operation)))
  })
}

/**
 * A domain with a wrong name would stand still unnoticed.
 *
 * @throws InturnError `operation-refused` where neither configuration nor store knows the domain
 */
async function checkDomain(
  { store, consumer }: OperatorTarget,
  { config }: FoundStore,
  domain: string,
): Promise<void> {
  const named = Object.keys(config?.domains ?? {})
  if (named.includes(domain)) return
  const domains = await store.reader.domains(consumer)
  if (config === undefined && domains.has(domain)) return
  const streams = await store.reader.streams(consumer, { domain, limit: 1 })
  if (config === undefined && streams.length > 0) return
  const there = config === undefined ? [...domains.keys()] : named
  const known = there.length === 0 ? 'none is known' : `there are: ${there.sort().join(', ')}`
  throw new InturnError('operation-refused', `consumer ${consumer} has no domain ${domain}; ${known}`)
}

function domainLines({ command, domain, by, reason, woken, busy }: DomainOperation): readonly string[] {
  const due = woken === 1 ? '1 waiting stream is' : `${woken} waiting streams are`
  const lines =
    command === 'pause'
      ? [`the domain ${domain} is paused: what comes is held, and nothing is delivered, retried or given up`]
      : [
          `the domain ${domain} goes on; ${due} due at once`,
          ...(busy === 0 ? [] : [`  ${busy} more were busy, and are looked at within a minute`]),
        ]
  return [...lines, `  in the ledger: ${by}: ${reason}`]
}

const overlapWords = {
  accounted: 'have an account already, and keep it',
  held: 'are held, and will be delivered in turn',
  filled: 'are filled already',
} as const

/** Reads the number that a flag of `fill` takes; below 0 where the counter shows such. */
function numberOf(flag: string): (text: string) => number {
  return (text) => Number(namedNumber(text, flag))
}

function overlapLines({ overlaps }: FillOperation): readonly string[] {
  return overlaps.map(({ from, to, what }) => `  not covered: ${from} to ${to} ${overlapWords[what]}`)
}

/** `seek --to`, with the stream's history where the configuration has one. */
function moveTo({ to: named, epoch, ...flags }: SeekFlags): Act {
  if (named === undefined) throw new InturnError('usage', 'seek takes --to <n>, or --new-epoch')
  const to = namedNumber(named, '--to')
  return async (target, request, { config }) => {
    const domain = parseStreamPath(request.stream)?.domain ?? ''
    const history = config === undefined ? undefined : historyOf(config, domain, windowOf(flags))
    const progress = new ProgressLine()
    const operation = await seek(target, {
      ...request,
      to,
      ...(epoch !== undefined && { epoch }),
      ...(history !== undefined && { history }),
      onProgress: ({ handedOver, readTo }) =>
        progress.show(`${grouped(handedOver)} events handed over, up to ${readTo}`),
    })
    progress.clear()
    return { operation, lines: historyLines(operation) }
  }
}

/** `seek --new-epoch`. */
function openNext({ to, epoch, since: text, until }: SeekFlags): Act {
  if (to !== undefined || epoch !== undefined || until !== undefined) {
    throw new InturnError(
      'usage',
      '--new-epoch goes without --to, --until and --epoch: the next epoch begins at its start',
    )
  }
  const since = text === undefined ? undefined : readTime(text)
  if (text !== undefined && since === undefined) {
    throw new InturnError('usage', `--since takes a time like 2026-01-31T12:00:00Z, not ${text}`)
  }
  return plainly((target, request) =>
    openEpoch(target, { ...request, ...(since !== undefined && { since }) }),
  )
}

function historyLines({ history }: SeekOperation): readonly string[] {
  if (history === undefined) return []
  const { handedOver, isComplete, why } = history
  const stopped = isComplete ? 'all of its history' : `then: ${why ?? 'it was interrupted'}`
  return [`  handed over: ${grouped(handedOver)} events, ${stopped}`]
}

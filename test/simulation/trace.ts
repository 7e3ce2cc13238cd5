// A simulation in words, one line a happening, for whoever has to find out why a seed fails.
import type { InboxEntry } from '../../src/ports/records.ts'
import type { StreamChange } from '../../src/ports/store.ts'
import type { Dated } from './history.ts'
import type { Produced } from './produced.ts'
import { uidOf } from './produced.ts'
import type { Simulated } from './simulate.ts'

/** What a seed stands for, what it broke, and what happened to the streams that it broke. */
export function traceOf({ seed, breaches, world }: Simulated, linesMax = 80): string {
  const { domains, ...scenario } = world.scenario
  const about = [...scenarioLines(scenario), ...domains.flatMap((domain) => scenarioLines(domain))]
  const flags = `${world.hasOperators ? ' --operators' : ''}${scenario.isCrowded ? ' --crowded' : ''}`
  const paths = world.produced
    .map(({ path }) => path)
    .filter((path) => breaches.some((text) => text.includes(`${path}:`)))
  const lines = world.history.happenings
    .filter((happening) => paths.length === 0 || isAbout(happening, new Set(paths)))
    .map(lineOf)
  return [
    `seed ${seed} breaks ${breaches.length === 0 ? 'nothing' : 'these invariants'}:`,
    ...breaches.slice(0, 20).map((breach) => `  ${breach}`),
    `reproduce: npm run sim -- --seed ${seed}${flags}`,
    ...about,
    ...(lines.length > linesMax ? [`(the last ${linesMax} of ${lines.length} lines)`] : []),
    ...lines.slice(-linesMax),
  ].join('\n')
}

/** One happening in one line. */
export function lineOf(happening: Dated): string {
  return `${String(happening.atMs).padStart(8)} ${wordsOf(happening)}`
}

function wordsOf(happening: Dated): string {
  if ('produced' in happening) return eventInWords(happening)
  switch (happening.kind) {
    case 'claimed':
      return `${happening.consumer} claimed ${happening.stream} with fence ${happening.fence}`
    case 'committed':
      return `${happening.worker} committed ${changeInWords(happening.change)} with fence ${happening.fence}`
    case 'handed-over':
      return `${happening.consumer} has in inboxes ${uidsOf(happening.entries)}`
    case 'recorded': {
      const letters = happening.deadLetters.map(({ key, reason }) => `${key} (${reason})`)
      return `${happening.consumer} buried ${letters.join(', ')}`
    }
    case 'started':
    case 'died':
    case 'stopped':
      return `${happening.worker} ${happening.kind}`
    case 'crashed':
      return `${happening.worker} crashed: ${happening.error}`
    case 'fault':
      return `${happening.worker} met a fault: ${happening.what}`
    case 'jumped':
      return `the store's clock jumped by ${happening.ms} ms`
    case 'quiet':
      return 'from here on nothing goes wrong'
  }
}

function eventInWords(happening: Extract<Dated, { produced: Produced }>): string {
  const name = nameOf(happening.produced)
  switch (happening.kind) {
    case 'available':
      return `${happening.consumer} first copy of ${name}`
    case 'read':
    case 'settled':
    case 'released':
      return `${happening.worker} ${happening.kind} ${name}`
    case 'called':
      return `${happening.worker} called for ${name} with fence ${happening.fence}`
    case 'failed':
    case 'effect-refused':
    case 'effect-repeated':
      return `${happening.consumer} ${happening.kind} for ${name}`
    case 'effect':
      return `${happening.consumer} effect (${happening.effects}) of ${name}`
  }
}

function changeInWords({
  stream,
  state,
  hold,
  release,
  decided,
  deadLetters,
  due,
  ledger,
}: StreamChange): string {
  const parts = [
    `${stream} at ${state.epoch}/${String(state.position)}`,
    hold.length > 0
      ? `holding ${hold.map(({ event }) => `${event.epoch}/${String(event.sequence)}`).join(' ')}`
      : '',
    release.length > 0
      ? `releasing ${release.map(({ epoch, to }) => `to ${epoch}/${String(to)}`).join(' ')}`
      : '',
    decided.length > 0 ? `deciding ${decided.length} of the inbox` : '',
    deadLetters.length > 0
      ? `burying ${deadLetters.map(({ payload, reason }) => `${uidOf(payload)} (${reason})`).join(' ')}`
      : '',
    ledger.length > 0
      ? `entering ${ledger.map(({ kind, from, to }) => `${kind} ${String(from)}-${String(to)}`).join(' ')}`
      : '',
    state.heldCount > 0 ? `${state.heldCount} held` : '',
    state.halt === undefined ? '' : `halted (${state.halt.cause})`,
    state.failing === undefined
      ? ''
      : `failing at ${String(state.failing.sequence)} (${state.failing.attempts})`,
    due.at === undefined ? '' : `due at ${due.at}`,
    due.readingMs === undefined ? '' : `due at reading time ${due.readingMs}`,
  ]
  return parts.filter((part) => part !== '').join(', ')
}

function nameOf({ uid, kind, path, epoch, sequence, fillFrom }: Produced): string {
  const range = fillFrom === undefined ? String(sequence) : `${String(fillFrom)}-${String(sequence)}`
  return `${kind} ${uid} (${path} ${epoch}/${range})`
}

function isAbout(happening: Dated, paths: ReadonlySet<string>): boolean {
  if ('produced' in happening) return paths.has(happening.produced.path)
  if (happening.kind === 'claimed') return paths.has(happening.stream)
  if (happening.kind === 'committed') return paths.has(happening.change.stream)
  if (happening.kind === 'handed-over') return happening.entries.some(({ stream }) => paths.has(stream))
  if (happening.kind !== 'recorded') return true
  return happening.deadLetters.some(({ stream }) => stream !== undefined && paths.has(stream))
}

function uidsOf(entries: readonly InboxEntry[]): string {
  return entries.map(({ arrival }) => uidOf(arrival)).join(', ')
}

function withBigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

function scenarioLines(values: object): readonly string[] {
  return [`  ${JSON.stringify(values, withBigints)}`]
}

// What a committed turn is worth telling: a failure, numbers given up, a halt, events taken out of their
// stream.
import { asError } from '../core/thrown.ts'
import type { DeadLetter } from '../ports/records.ts'
import type { EngineNews } from '../ports/telemetry.ts'
import type { Turn } from './turn.ts'

/** The news of a turn that is durable. */
export function newsOf(turn: Turn): readonly EngineNews[] {
  const { failures, failure, deadLetters, ledger } = turn
  const { restart, epoch: now } = turn.state
  const isNew = restart !== undefined && turn.setup.state.restart === undefined
  if (failures.length === 0 && deadLetters.length === 0 && ledger.length === 0 && !isNew) return []
  const { path: stream } = turn.setup
  const news: EngineNews[] = []
  for (const { delivery, error, answer } of failures) {
    const { sequence } = delivery.event
    const { attempts } = answer.failing
    const refused = answer.reason === 'schema' && { reason: answer.reason }
    const what = { stream, sequence, attempts, error: asError(error) }
    news.push({ kind: 'failed', ...what, then: answer.then, ...refused })
  }
  if (isNew) {
    const { evidence, from } = restart
    news.push({ kind: 'producer-restarted', stream, epoch: now, sequence: from, evidence })
  }
  for (const { kind, epoch = 0, from = null, to, reason } of ledger) {
    if (kind === 'lost' && to !== undefined) news.push({ kind, stream, epoch, from, to })
    if (kind === 'epoch-opened') news.push({ kind, stream, epoch })
    if (kind === 'halted' && failure === undefined) news.push({ kind, stream, reason })
  }
  return [...news, ...deadLetters.map(deadLetterNews)]
}

/** The news of a dead letter that was kept. */
export function deadLetterNews({ reason, detail, stream, sequence }: DeadLetter): EngineNews {
  return {
    kind: 'dead-letter',
    reason,
    detail,
    ...(stream !== undefined && { stream }),
    ...(sequence !== undefined && { sequence }),
  }
}

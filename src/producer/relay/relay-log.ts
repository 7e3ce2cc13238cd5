// What a relay tells, as lines of a log: what fails and when it is tried again, and leases that are lost.
// Upholds I7: of shards that fail together one is told with its stack, the others in a line each.
import { spell } from '../../core/time-words.ts'
import type { LogLine } from '../../ports/log.ts'
import type { RelayNews, RelayTelemetry } from '../../ports/relay-news.ts'

/** Says what goes wrong in a relay. */
export function relayLog(
  say: (line: LogLine) => void,
  { name, shards }: { readonly name: string; readonly shards: number },
): RelayTelemetry {
  const failing = new Set<number>()
  const of = (shard: number): string => `relay ${name}${shards === 1 ? '' : `, shard ${shard} of ${shards}`}`
  const lineOf = (news: RelayNews): LogLine | undefined => {
    switch (news.kind) {
      case 'relay-failed': {
        const { error, ...fields } = news
        const text = `${of(news.shard)} failed, next try in ${spell(news.retryInMs)}`
        return { level: 'error', text, fields, error, isBrief: failing.size > 0 }
      }
      case 'relay-lost':
        return {
          level: 'warn',
          text: `${of(news.shard)} has lost its lease, another relay may send now`,
          fields: { ...news },
        }
      case 'relay-recovered':
        return { level: 'info', text: `${of(news.shard)} works again`, fields: { ...news } }
      case 'relay-taken':
      case 'relay-sent':
      case 'relay-lag':
        return undefined
    }
  }
  return (news) => {
    const line = lineOf(news)
    if (news.kind === 'relay-failed') failing.add(news.shard)
    if (news.kind === 'relay-recovered' || news.kind === 'relay-lost') failing.delete(news.shard)
    if (line !== undefined) say(line)
  }
}

// A Redis stream for one case of the source suite, with a name of its own. Its clients are the caller's, or
// made for a URL.
import type { SourceWorld } from '../../../src/testing/source-suite/source-world.ts'
import { redisStreamsSource } from '../../../src/transports/redis-streams.ts'
import type { RedisStreamsTarget } from '../../../src/transports/redis-streams.ts'
import type { TcpProxy } from '../../services/tcp-proxy.ts'

let worlds = 0

/** A key that nobody else uses. */
export function ownKey(): string {
  return `test-stream-${process.pid}-${Date.now()}-${worlds++}`
}

/** A stream that `add` produces into. */
export function streamsWorld(
  target: RedisStreamsTarget,
  add: (key: string, messages: readonly string[]) => Promise<unknown>,
): Promise<SourceWorld> {
  const stream = ownKey()
  return Promise.resolve({
    features: new Set(['ordered', 'live'] as const),
    produce: async (messages: readonly unknown[]) => {
      await add(
        stream,
        messages.map((message) => JSON.stringify(message)),
      )
    },
    source: () => redisStreamsSource({ ...target, stream, group: 'suite' }),
    dispose: async () => undefined,
  })
}

/** Has the proxy cut the connection at the next script that is sent, before or after it was carried out. */
export function cutNextScript(proxy: TcpProxy, fate: 'cut-before' | 'cut-after'): void {
  let isNext = true
  proxy.decide((sent) => {
    const isCut = isNext && sent.includes('EVAL')
    if (isCut) isNext = false
    return isCut ? fate : 'pass'
  })
}

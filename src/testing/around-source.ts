// A source with something put around each of its calls.
import type { AroundCall } from '../ports/port-call.ts'
import { countedCalls } from '../ports/port-call.ts'
import type { Delivery, Source } from '../ports/source.ts'

/** The calls of a source. */
export type SourceMethod = Exclude<keyof Source, 'name' | 'kind' | 'isOfGroup' | 'extent' | 'parts' | 'past'>

/** Wraps a source so that every call goes through `around`. */
export function aroundSource<Message extends Delivery>(
  source: Source<Message>,
  around: AroundCall<SourceMethod>,
): Source<Message> {
  const run = countedCalls(around)
  return {
    name: source.name,
    kind: source.kind,
    ...(source.isOfGroup !== undefined && { isOfGroup: source.isOfGroup }),
    ...(source.past !== undefined && { past: (window) => source.past?.(window) ?? source }),
    ...(source.extent !== undefined && { extent: () => source.extent?.() ?? Promise.resolve(undefined) }),
    ...(source.parts !== undefined && { parts: () => source.parts?.() ?? Promise.resolve([]) }),
    open: (checkpoint) => run('open', () => source.open(checkpoint)),
    read: (request) => run('read', () => source.read(request)),
    settle: (deliveries) => run('settle', () => source.settle(deliveries)),
    release: (deliveries, delayMs) => run('release', () => source.release(deliveries, delayMs)),
    isCaughtUp: () => run('isCaughtUp', () => source.isCaughtUp()),
    close: () => run('close', () => source.close()),
  }
}

// A rebuild: a consumer of its own reads the past from its beginning, its handlers are told, and the other
// consumer goes on undisturbed (I6).
import { describe, expect, it } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import type { HandlerContext } from '../../../src/engine/domain-options.ts'
import { pastOf } from '../../../src/engine/source-to-read.ts'
import { createWorker } from '../../../src/engine/worker.ts'
import type { Source, SourceWindow } from '../../../src/ports/source.ts'
import { memorySource } from '../../../src/transports/memory.ts'
import { consumer, domain, events } from './engine-world.ts'
import { WorkerWorld } from './worker-world.ts'

describe('replay: rebuild', () => {
  it('reads the history under a name of its own, and is told; the old consumer stays', async () => {
    const world = new WorkerWorld('queue')
    const contexts: HandlerContext[] = []
    const handle = (event: InturnEvent, context: HandlerContext): void => {
      world.note(event)
      contexts.push(context)
    }
    await world.source.push(events('a', 1, 2))
    await world.runOut(world.worker({ handle }))
    const before = await world.stream('a')
    const history = memorySource({ name: 'archive', timers: world.timers })
    await history.push(events('a', 1, 2))
    await world.runOut(world.worker({ handle }, { consumer: 'billing-2', replay: 'rebuild', history }))
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:1', 'a:2'])
    expect(contexts.map(({ replay, consumer: name }) => [replay, name])).toEqual([
      [undefined, consumer],
      [undefined, consumer],
      ['rebuild', 'billing-2'],
      ['rebuild', 'billing-2'],
    ])
    expect(contexts[2]?.idempotencyKey).toBe('billing-2/account/a/0/1')
    expect(await world.stream('a')).toEqual(before)
  })

  it('reads its own source where that is a log, and is refused by a queue', async () => {
    const world = new WorkerWorld('log')
    await world.source.push(events('a', 1))
    await world.runOut(world.worker({}, { replay: 'rebuild' }))
    expect(world.calls).toEqual(['a:1'])
    const queue = new WorkerWorld('queue')
    expect(() => queue.worker({}, { replay: 'rebuild' })).toThrow(
      'is a queue, which forgets what was settled',
    )
  })

  it('is refused by a log whose place is that of a group, which a second consumer would take with it', () => {
    const world = new WorkerWorld('log')
    const source = Object.assign(world.source, { isOfGroup: true })
    expect(() => world.worker({}, { replay: 'rebuild', source })).toThrow('goes on where its group is')
    expect(() => world.worker({}, { replay: 'rebuild', source, history: source })).not.toThrow()
  })

  it('reads the past that a source has of its own, and moves no place of its group', async () => {
    const world = new WorkerWorld('log')
    const past = memorySource({ name: 'past', timers: world.timers })
    await past.push(events('a', 1, 2))
    const windows: SourceWindow[] = []
    const own = (window: SourceWindow): Source => {
      windows.push(window)
      return past
    }
    const source = Object.assign(world.source, { isOfGroup: true, past: own })
    await world.runOut(world.worker({}, { replay: 'rebuild', source }))
    expect(world.calls).toEqual(['a:1', 'a:2'])
    expect(windows).toEqual([{}])
    expect(world.source.unsettled).toBe(0)
  })

  it('of a window is refused where the past can be read as a whole only', () => {
    const { source } = new WorkerWorld('log')
    expect(() => pastOf({ source }, { since: '2h' })).toThrow('memory can be read as a whole only')
    expect(pastOf({ source })).toBeUndefined()
    expect(pastOf({ source, history: source })).toBe(source)
  })

  it('is told what cannot be', () => {
    const world = new WorkerWorld()
    const make = (options: object): unknown => world.worker({}, options)
    expect(() => make({ replay: 'redeliver' })).toThrow('replay takes \'rebuild\', not "redeliver"')
    expect(() => make({ history: 'archive.ndjson' })).toThrow('history takes a source')
    const domains = { account: domain({ handle: world.note }) }
    expect(() =>
      createWorker({ ...world.options({ domains }), source: world.source, history: world.source }),
    ).not.toThrow()
  })
})

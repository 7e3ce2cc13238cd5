// Who listens to an engine: failures are heard unless somebody says otherwise, as the errors that they are,
// and no listener disturbs the work (I6).
import { Writable } from 'node:stream'
import { pino } from 'pino'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type {
  CallWatch,
  DurableTurn,
  HandlerCall,
  StoreCall,
  WatchedEngine,
} from '../../../src/ports/telemetry.ts'
import { EngineWorld, event, events, sweepAll } from './engine-world.ts'

afterEach(() => vi.restoreAllMocks())

const failure = { attempts: 1, then: 'halt' } as const
const cause = new Error('the bank is closed')
const broken = new Error('no money', { cause })
const fails = (): never => {
  throw broken
}

describe('a failure is heard', () => {
  it('on standard error where nobody says otherwise, in one line with the stack below', async () => {
    const said: string[] = []
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text).trimEnd()) > 0)
    const world = new EngineWorld()
    await world.processor({ handle: fails, failure }, { log: undefined as never }).process(events('a', 1))
    const [text = ''] = said
    const [first, ...stack] = text.split('\n')
    expect(said).toHaveLength(1)
    expect(first).toBe(
      'inturn: account/a: event 1 failed at attempt 1 and its stream is halted: Error: no money',
    )
    expect(stack[0]).toMatch(/^ {4}at .*listening\.test\.ts/)
    expect(stack).toContain('    caused by Error: the bank is closed')
  })

  it('by console and its like as a text and the error itself', async () => {
    const [warned, told]: [unknown[][], unknown[][]] = [[], []]
    const log = {
      warn: (...said: unknown[]) => warned.push(said),
      error: (...said: unknown[]) => told.push(said),
    }
    const world = new EngineWorld()
    const processor = world.processor({ handle: fails, failure }, { log })
    await processor.process([...events('a', 1), 'no event'])
    expect(told).toEqual([
      ['inturn: account/a: event 1 failed at attempt 1 and its stream is halted', broken],
    ])
    expect(warned).toEqual([[expect.stringContaining('a message is a dead letter now, invalid')]])
  })

  it('by pino as fields, with the error whole', async () => {
    const lines: string[] = []
    const write = (chunk: unknown, _: unknown, done: () => void): void => {
      lines.push(String(chunk))
      done()
    }
    const log = pino({ base: null }, new Writable({ write }))
    await new EngineWorld().processor({ handle: fails, failure }, { log }).process(events('a', 1))
    const [line = ''] = lines
    expect(JSON.parse(line)).toMatchObject({
      level: 50,
      kind: 'failed',
      stream: 'account/a',
      sequence: 1,
      then: 'halt',
      msg: 'inturn: account/a: event 1 failed at attempt 1 and its stream is halted',
      err: { type: 'Error', stack: expect.stringContaining('listening.test.ts') as string },
    })
  })

  it('by nobody with `log: false`', async () => {
    const said = vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
    await new EngineWorld().processor({ handle: fails, failure }, { log: false }).process(events('a', 1))
    expect(said).not.toHaveBeenCalled()
  })

  it('as itself by telemetry and by whoever called, with its stack and cause', async () => {
    const world = new EngineWorld()
    const [result] = await world.processor({ handle: fails, failure }).process(events('a', 1))
    expect(world.told('failed')[0]?.error).toBe(broken)
    expect(result?.error).toBe(broken)
  })

  it('what is thrown and no error is the cause of one', async () => {
    const world = new EngineWorld()
    const handle = (): never => {
      // oxlint-disable-next-line only-throw-error -- that is what handlers do
      throw 'no money'
    }
    await world.processor({ handle, failure }).process(events('a', 1))
    expect(world.told('failed')[0]?.error).toMatchObject({ message: 'no money', cause: 'no money' })
  })
})

describe('the store keeps the first lines of a stack', () => {
  it('with a stream that stands still, and with a dead letter', async () => {
    const world = new EngineWorld()
    await world.processor({ handle: fails, failure }).process(events('a', 1))
    const { failing } = (await world.stream('a'))?.state ?? {}
    expect(failing).toMatchObject({ error: 'Error: no money' })
    expect(failing?.stack).toMatch(/^at .*listening\.test\.ts[^]*caused by Error: the bank is closed/)
    expect((failing?.stack ?? '').split('\n').length).toBeLessThanOrEqual(16)
    const buried = { attempts: 1, then: 'dead-letter' } as const
    await world.processor({ handle: fails, failure: buried }).process(events('b', 1))
    expect(await world.deadLetters()).toMatchObject([
      { detail: 'Error: no money', stack: expect.stringMatching(/^at .*listening\.test\.ts/) as string },
    ])
  })
})

describe('listeners', () => {
  it('get the engine, its calls, its turns and its end; no listener keeps another from hearing', async () => {
    const [calls, turns, ended]: [HandlerCall[], DurableTurn[], string[]] = [[], [], []]
    const stores = new Set<string>()
    const engines: WatchedEngine[] = []
    const throws = (): never => fails()
    const world = new EngineWorld()
    const listener = {
      begin: (call: HandlerCall): CallWatch => {
        calls.push(call)
        return {
          within: (run) => run(),
          end: (failed) => void ended.push(failed === undefined ? 'well' : String(failed.error)),
        }
      },
      turned: (turn: DurableTurn) => void turns.push(turn),
      called: ({ method }: StoreCall) => void stores.add(method),
      ended: () => void ended.push('ended'),
    }
    const provider = { attach: (engine: WatchedEngine) => (engines.push(engine), listener) }
    const bad = {
      attach: () => ({ tell: throws, begin: throws, turned: throws, called: throws, ended: throws }),
    }
    const news: string[] = []
    const telemetry = [bad, provider, ({ kind }: { readonly kind: string }) => void news.push(kind)]
    const handle = ({ sequence }: { readonly sequence?: unknown }): void =>
      sequence === 2 ? fails() : undefined
    const processor = world.processor({ handle, failure }, { telemetry })
    await processor.process([event('a', 1), event('a', 2), event('b', 2)])
    await sweepAll(processor)
    await processor.close()
    expect(engines).toMatchObject([{ consumer: 'billing', source: undefined }])
    expect([...(engines[0]?.domains.keys() ?? [])]).toEqual(['account'])
    expect(calls.map(({ stream, events: of, attempt }) => [stream, of.length, attempt])).toEqual([
      ['account/a', 1, 1],
      ['account/a', 1, 1],
    ])
    expect(ended).toEqual(['well', 'Error: no money', 'ended'])
    expect(news).toContain('failed')
    expect(
      turns.map(({ stream, before, after }) => [stream, before.counts.delivered, after.counts.delivered]),
    ).toEqual(
      expect.arrayContaining([
        ['account/a', 0, 1],
        ['account/b', 0, 0],
      ]),
    )
    expect([...stores]).toEqual(expect.arrayContaining(['work', 'unit.commit', 'due']))
  })

  it('that are none are told at once', () => {
    const make = (telemetry: unknown): unknown => new EngineWorld().processor({}, { telemetry } as never)
    expect(() => make('loud')).toThrow(/telemetry takes a function, openTelemetry\(\)/)
    expect(() => new EngineWorld().processor({}, { log: { warn: fails } } as never)).toThrow(
      /log takes a logger/,
    )
  })
})

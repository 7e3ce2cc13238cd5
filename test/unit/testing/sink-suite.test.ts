// The sink suite notices sinks that break a law: a suite that passes everything proves nothing (I9).
import { expect, test } from 'vitest'
import { InturnError } from '../../../src/core/errors.ts'
import type { Sink, SinkMessage } from '../../../src/ports/sink.ts'
import { sinkSuite } from '../../../src/testing/sink-suite/sink-suite.ts'
import type { SinkWorld } from '../../../src/testing/sink-suite/sink-world.ts'

type Send = (world: BrokenWorld, messages: readonly SinkMessage[], signal: AbortSignal) => Promise<void>

/** A place in memory, and a sink over it that sends as it is told. */
class BrokenWorld implements SinkWorld {
  readonly kept: string[] = []
  readonly faults: SinkWorld['faults']
  failsNext = false
  readonly #send: Send
  readonly #checksOpen: boolean

  constructor(send: Send, checksOpen = true) {
    this.#send = send
    this.#checksOpen = checksOpen
    this.faults = {
      failNextSend: () => {
        this.failsNext = true
      },
    }
  }

  sink(): Sink {
    let isOpen = false
    let under: Promise<unknown> = Promise.resolve()
    return {
      name: 'broken',
      open: async () => void (isOpen = true),
      send: async (messages, { signal }) => {
        if (!isOpen && this.#checksOpen) throw down()
        const sending = this.#send(this, messages, signal)
        under = sending.catch(() => undefined)
        await sending
      },
      close: async () => {
        isOpen = false
        await under
      },
    }
  }

  arrived(): Promise<readonly string[]> {
    return Promise.resolve([...this.kept])
  }

  dispose(): Promise<void> {
    return Promise.resolve()
  }
}

function down(): InturnError {
  return new InturnError('sink-unavailable', 'down', { retryable: true })
}

const textOf = ({ json }: SinkMessage): string => json

/** Keeps the laws. */
const right: Send = async (world, messages, signal) => {
  if (messages.length === 0) return
  if (signal.aborted) throw down()
  const fails = world.failsNext
  world.failsNext = false
  world.kept.push(...messages.slice(0, fails ? 5 : messages.length).map(textOf))
  if (fails) throw down()
}

async function broken(send: Send, checksOpen?: boolean): Promise<readonly string[]> {
  const names: string[] = []
  for (const law of sinkSuite) {
    const isKept = await law.run(new BrokenWorld(send, checksOpen)).then(
      () => true,
      () => false,
    )
    if (!isKept) names.push(law.name)
  }
  return names
}

test('a sink that keeps the laws passes', async () => {
  expect(await broken(right)).toEqual([])
})

const mutants: Readonly<Record<string, Send>> = {
  'turns a list round': async (world, messages, signal) => right(world, [...messages].reverse(), signal),
  'sends before it has arrived': async (world, messages, signal) => {
    setImmediate(() => void right(world, messages, signal).catch(() => undefined))
  },
  'says nothing of a failure': async (world, messages, signal) => {
    await right(world, messages, signal).catch(() => undefined)
  },
  'leaves a hole where it fails': async (world, messages, signal) => {
    const fails = world.failsNext
    await right(world, messages, signal).catch((error: unknown) => {
      if (fails) world.kept.push(...messages.slice(9).map(textOf))
      throw error
    })
  },
  'loses a message in a hundred': async (world, messages, signal) =>
    right(
      world,
      messages.filter(({ sequence }) => sequence % 100 !== 99),
      signal,
    ),
  'throws what is no error of inturn': async (world, messages, signal) => {
    await right(world, messages, signal).catch(() => {
      throw new TypeError('socket')
    })
  },
  'takes no notice of its signal': async (world, messages) =>
    right(world, messages, new AbortController().signal),
  'sends a second copy only of what it has not sent': async (world, messages, signal) =>
    right(world, messages.filter((one) => !world.kept.includes(one.json)).slice(0, 1), signal),
}

test.each(Object.keys(mutants))('a sink that %s is found', async (name) => {
  expect(await broken(mutants[name] ?? right)).not.toEqual([])
})

test('a sink that sends while it is not open is found', async () => {
  expect(await broken(right, false)).toEqual([
    'what is sent while the sink is not open rejects and leaves nothing',
  ])
})

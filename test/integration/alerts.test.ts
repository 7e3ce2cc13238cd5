// The alerts that are shipped, by a real Prometheus that scrapes a real worker: each fires for its fault and
// for no other. Its rules run here with their times divided; the times themselves are held by `promtool`.
import { appendFileSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PrometheusServer } from '../services/prometheus-server.ts'
import { promtool, startPrometheus } from '../services/prometheus-server.ts'
import type { RedisServer } from '../services/redis-server.ts'
import { freePort, startRedis } from '../services/redis-server.ts'
import type { Running, TestFolder } from './run-inturn.ts'
import { inturn, sourceUrl, startInturn, testFolder } from './run-inturn.ts'

const monitoring = new URL('../../examples/monitoring/', import.meta.url)
const rules = readFileSync(new URL('alerts.yml', monitoring), 'utf8')

/** How much sooner things count, and how much sooner they have lasted for long enough. */
const [sooner, shorter] = [400, 4_000]

const unitsMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 }

/** The rules with all their times divided, and with thresholds that a test can reach. */
function hastened(text: string): string {
  const time = /(?<what>\[|offset |for: )(?<count>\d+)(?<unit>[smh])\b/g
  const durations = text.replaceAll(time, (_, what: string, count: string, unit: string) => {
    const ms = (Number(count) * (unitsMs[unit] ?? 0)) / (what === 'for: ' ? shorter : sooner)
    return `${what}${Math.ceil(ms)}ms`
  })
  return durations
    .replaceAll(/(_seconds\S*) > (\d+)/g, (_, age: string, s: string) => `${age} > ${Number(s) / sooner}`)
    .replace('(inturn_inbox) > 100000', '(inturn_inbox) > 2')
}

const config = (redisUrl: string): string => `
  import { existsSync } from 'node:fs'
  import { contiguous, InturnError } from ${sourceUrl('index.ts')}
  import { redisStore } from ${sourceUrl('stores/redis.ts')}
  import { fileSource } from ${sourceUrl('transports/file.ts')}
  const file = fileSource('events.ndjson', { follow: true })
  const read = async (request) => {
    if (!existsSync('down')) return file.read(request)
    throw new InturnError('source-unavailable', 'the broker is away', { retryable: true })
  }
  const source = new Proxy(file, {
    get: (target, name) => {
      const own = name === 'read' ? read : Reflect.get(target, name)
      return typeof own === 'function' ? own.bind(target) : own
    },
  })
  const handle = ({ stream }) => { if (stream === 'poor') throw new Error('no money') }
  const domain = { numbering: contiguous(), effects: 'external', gap: { patience: '1h' }, handle }
  export default {
    consumer: 'billing',
    store: redisStore(${JSON.stringify(redisUrl)}),
    source,
    refusePatience: 100,
    domains: {
      strict: { ...domain, failure: { attempts: 1, then: 'halt' } },
      loose: {
        ...domain, heldMax: 1, gap: { patience: '1h' }, failure: { attempts: 1, then: 'dead-letter' },
      },
      hasty: { ...domain, gap: { patience: 100, then: 'skip' } },
    },
  }`

/** Which alerts fire, and have fired. */
class Watched {
  readonly #server: PrometheusServer
  #seen = new Set<string>()

  constructor(server: PrometheusServer) {
    this.#server = server
  }

  /** Waits until this alert fires. */
  async until(alert: string): Promise<void> {
    while (!(await this.#fired('ALERTS{alertstate="firing"}')).includes(alert)) await sleep(20)
  }

  /**
   * Waits until none has fired for longer than the figures of waiting streams are kept, and no scrape was
   * missed meanwhile.
   */
  async untilNone(): Promise<void> {
    for (;;) {
      const fired = await this.#fired('max_over_time(ALERTS{alertstate="firing"}[1500ms])')
      const scraped = await this.#server.query('min_over_time(up[1500ms]) == 1')
      if (fired.length === 0 && scraped.length > 0) return
      await sleep(50)
    }
  }

  async #fired(expression: string): Promise<readonly string[]> {
    const names = (await this.#server.query(expression)).map(({ labels }) => labels['alertname'] ?? '')
    for (const name of names) this.#seen.add(name)
    return names
  }

  /** Which have fired since this was asked last. */
  taken(): readonly string[] {
    const names = [...this.#seen].sort()
    this.#seen = new Set()
    return names
  }
}

describe('the alerts that are shipped', () => {
  it.each([
    ['check', new URL('alerts.yml', monitoring)],
    ['test', new URL('alert-times.yml', import.meta.url)],
  ])('are rules of which Prometheus says: %s, SUCCESS', (what, url) => {
    const { code, said } = promtool([what, 'rules', fileURLToPath(url)])
    expect(said).toContain('SUCCESS')
    expect(code).toBe(0)
  })
})

describe('a worker that is scraped', () => {
  let folder: TestFolder
  let redis: RedisServer
  let worker: Running
  let server: PrometheusServer
  let watched: Watched
  let target: string

  beforeAll(async () => {
    folder = testFolder()
    redis = await startRedis(['--save', ''])
    folder.write('inturn.config.ts', config(redis.url))
    folder.write('events.ndjson', '')
    target = `127.0.0.1:${await freePort()}`
    worker = startInturn(folder.path, 'run', '--http', target)
    server = await startPrometheus({ target, rules: hastened(rules), everyMs: 200 })
    watched = new Watched(server)
    while ((await server.query('inturn_reading == 1')).length === 0) await sleep(50)
  })
  afterAll(async () => {
    worker.child.kill('SIGKILL')
    await worker.ended
    await server.stop()
    await redis.stop()
    folder.remove()
  })

  const event = (path: string, sequence: number, id = `${path}-${sequence}`): void => {
    const [domain, stream] = path.split('/')
    const line = JSON.stringify({ domain, stream, sequence, id, data: {} })
    appendFileSync(join(folder.path, 'events.ndjson'), `${line}\n`)
  }
  const operate = async (...words: readonly string[]): Promise<void> => {
    const { code, stderr } = await inturn(folder.path, ...words, '--reason', 'mended')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  }

  it('has metrics in the form that Prometheus asks for', async () => {
    event('loose/rich', 1)
    event('loose/rich', 2)
    const page = await (await fetch(`http://${target}/metrics`)).text()
    expect(promtool(['check', 'metrics'], page)).toEqual({ code: 0, said: '' })
    await watched.untilNone()
    watched.taken()
  })

  interface Fault {
    readonly provoke: () => Promise<void> | void
    readonly alert: string
    readonly others?: readonly string[]
    readonly mend?: () => Promise<void> | void
  }
  const faults: Readonly<Record<string, Fault>> = {
    'a first dead letter': { provoke: () => event('loose/poor', 1), alert: 'InturnDeadLetters' },
    'a first message that cannot be read': {
      provoke: () => appendFileSync(join(folder.path, 'events.ndjson'), 'no event\n'),
      alert: 'InturnDeadLetters',
    },
    'a first conflict': {
      provoke: () => event('loose/rich', 2, 'other'),
      alert: 'InturnConflicts',
      others: ['InturnDeadLetters'],
    },
    'a first number that is lost': {
      provoke: () => [1, 3].forEach((sequence) => event('hasty/a', sequence)),
      alert: 'InturnNumbersLost',
    },
    'a handler that fails': {
      provoke: () => event('strict/poor', 1),
      alert: 'InturnStreamsStuck',
      mend: () => operate('skip', 'strict/poor', '--expect-position', 'unknown'),
    },
    'a gap that is left open': {
      provoke: () => [1, 3].forEach((sequence) => event('strict/gappy', sequence)),
      alert: 'InturnGapsOld',
      mend: () => operate('fill', 'strict/gappy', '--from', '2', '--to', '2', '--expect-position', '1'),
    },
    'a domain that is paused': {
      provoke: () => operate('pause', 'hasty'),
      alert: 'InturnPaused',
      mend: () => operate('resume', 'hasty'),
    },
    'an inbox that fills': {
      provoke: () => {
        ;[1, 3, 4, 5, 6, 7].forEach((sequence) => event('loose/full', sequence))
      },
      alert: 'InturnInboxFills',
      others: ['InturnGapsOld'],
      mend: () => event('loose/full', 2),
    },
    'a source that is away': {
      provoke: () => void folder.write('down', ''),
      alert: 'InturnNotReading',
      others: ['InturnTroubles'],
      mend: () => rmSync(join(folder.path, 'down')),
    },
  }
  it.each(Object.entries(faults))('tells of %s, and of nothing else', async (_, fault) => {
    const { provoke, alert, others = [], mend } = fault
    await provoke()
    await watched.until(alert)
    await mend?.()
    await watched.untilNone()
    // A scrape that a busy machine has no time for looks like a worker that is gone.
    const told = watched.taken().filter((name) => name !== 'InturnWorkersGone')
    expect([...others, alert]).toEqual(expect.arrayContaining(told))
  })

  it('has something to show in every panel of the dashboard', async () => {
    const text = readFileSync(new URL('grafana-dashboard.json', monitoring), 'utf8')
    const expressions = [...text.matchAll(/"expr": ("(?:[^"\\]|\\.)*")/g)].map(
      ([, json = '']) => JSON.parse(json) as string,
    )
    expect(expressions.length).toBeGreaterThan(20)
    const empty: string[] = []
    for (const expression of expressions) {
      const samples = await server.query(expression.replaceAll('$consumer', 'billing'))
      if (samples.length === 0) empty.push(expression)
    }
    expect(empty.filter((expression) => !/relay|part_lag|heal/.test(expression))).toEqual([])
  })

  it('tells of a store that is away, and of workers that are', async () => {
    await redis.stop()
    await watched.until('InturnStoreDown')
    worker.child.kill('SIGKILL')
    await watched.until('InturnWorkersGone')
    expect(watched.taken()).not.toContain('InturnStreamsStuck')
  })
})

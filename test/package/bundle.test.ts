// What a user gets who bundles: one file that holds the application, the stores and their scripts, and runs
// where nothing else is.
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRedis } from '../services/redis-server.ts'
import type { RedisServer } from '../services/redis-server.ts'
import { outcomeOf, packAndInstall, root } from './packed-package.ts'
import type { PackedPackage } from './packed-package.ts'

/** Processes two events, the second one first, on both stores; logs one event, and sends it to a stream. */
const app = `
  import { contiguous, createProcessor } from 'inturn'
  import { redisEventLog, redisSequences, redisStore } from 'inturn/stores/redis'
  import { sqliteEventLog, sqliteSequences, sqliteStore } from 'inturn/stores/sqlite'
  import { openTelemetry } from 'inturn/telemetry/opentelemetry'
  import { prometheus } from 'inturn/telemetry/prometheus'
  import { redisStreamsSink } from 'inturn/transports/redis-streams'

  const url = process.argv[2]
  const own = { domain: 'account', stream: '1', type: 'a', data: {} }
  const event = (sequence) => ({ ...own, id: 'e' + sequence, sequence })
  const told = []
  const metrics = prometheus()
  const telemetry = [metrics, openTelemetry()]
  for (const store of [sqliteStore('app.db'), redisStore(url)]) {
    const handle = (given) => void told.push(given.sequence)
    const domains = { account: { numbering: contiguous(), effects: 'external', handle } }
    const processor = createProcessor({ consumer: 'bundle', store, domains, telemetry })
    await processor.process([event(2), event(1)])
    await processor.close()
    await store.close()
  }
  for (const log of [sqliteEventLog('app.db'), redisEventLog(url)]) {
    const { position } = await log.append({ domain: 'account', stream: '1', events: [event(1)] })
    told.push(position)
    await log.close()
  }
  for (const sequences of [sqliteSequences('app.db'), redisSequences(url)]) {
    await sequences.open()
    told.push(await sequences.last({ domain: 'account', stream: '1' }))
    await sequences.close()
  }
  const sink = redisStreamsSink({ url, stream: 'sent' })
  await sink.open()
  await sink.send([{ ...event(1), partitionKey: '1', json: '{}' }], { signal: new AbortController().signal })
  await sink.close()
  told.push(/consumed_messages_total\\{consumer="bundle"\\} 4/.test(await metrics.text()))
  console.log(JSON.stringify(told))
`

let inturn: PackedPackage
let folder: string
const servers: RedisServer[] = []
beforeAll(async () => {
  inturn = await packAndInstall()
  folder = await mkdtemp(join(tmpdir(), 'inturn-bundle-'))
})
afterAll(async () => {
  for (const server of servers) await server.stop()
  await rm(folder, { recursive: true, force: true })
  await inturn[Symbol.asyncDispose]()
})

/** Asks a Postgres that is not there: the client that was bundled says so. */
const postgresApp = `
  import { createProcessor, unordered } from 'inturn'
  import { postgresStore } from 'inturn/stores/postgres'

  const domains = { account: { numbering: unordered(), effects: 'external', handle: () => undefined } }
  const store = postgresStore('postgres://127.0.0.1:1/none')
  const processor = createProcessor({ consumer: 'bundle', store, domains })
  await processor.process([]).catch((error) => console.log(error.code, error.cause.code))
`

/** Reads from a Kafka that is not there. */
const kafkaApp = `
  import { createWorker, unordered } from 'inturn'
  import { memoryStore } from 'inturn/stores/memory'
  import { kafkaSource } from 'inturn/transports/kafka'

  const domains = { account: { numbering: unordered(), effects: 'external', handle: () => undefined } }
  const source = kafkaSource({ brokers: ['127.0.0.1:1'], topics: ['none'], groupId: 'bundle' })
  const telemetry = ({ kind, error }) => {
    if (kind === 'source-failed') end(error)
  }
  const options = { consumer: 'bundle', store: memoryStore(), source, domains, telemetry, log: false }
  await createWorker(options).run().catch(end)

  function end({ code, message }) {
    console.log(code, message)
    process.exit()
  }
`

const modules = join(root, 'node_modules')
const bundlers = {
  async rolldown(input: string, file: string, external: string[]): Promise<void> {
    const resolve = { modules: ['node_modules', modules] }
    const bundle = await rolldown({ input, external, platform: 'node', logLevel: 'silent', resolve })
    await bundle.write({ file, format: 'esm', codeSplitting: false })
    await bundle.close()
  },
  async esbuild(input: string, outfile: string, external: string[]): Promise<void> {
    const form = { bundle: true, platform: 'node', format: 'esm', logLevel: 'silent' } as const
    // Clients that are CommonJS call require, which a module has not by itself.
    const js =
      "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url)"
    await build({ entryPoints: [input], outfile, external, nodePaths: [modules], banner: { js }, ...form })
  },
}

async function freshRedis(): Promise<string> {
  const server = await startRedis()
  servers.push(server)
  return server.url
}

interface Bundled {
  readonly args?: readonly string[]
  /** A package that is not bundled, but lies beside. */
  readonly external?: string
}

/** What an application does that is bundled into one file, and run in an empty folder. */
async function outcomeOfBundle(
  name: keyof typeof bundlers,
  text: string,
  { args = [], external }: Bundled = {},
): Promise<{ code: number; output: string }> {
  const at = await mkdtemp(join(folder, name))
  const input = join(inturn.folder, 'app.mjs')
  const file = join(at, 'built', 'app.mjs')
  await writeFile(input, text)
  await bundlers[name](input, file, external === undefined ? [] : [external])
  expect(await readdir(join(at, 'built'))).toEqual(['app.mjs'])
  if (external !== undefined) await symlink(modules, join(at, 'node_modules'))
  await mkdir(join(at, 'empty'))
  return outcomeOf(process.execPath, [file, ...args], join(at, 'empty'))
}

describe.for(['rolldown', 'esbuild'] as const)('an application in one file, by %s', (name) => {
  test('runs on SQLite and Redis in an empty folder', async () => {
    const outcome = await outcomeOfBundle(name, app, { args: [await freshRedis()] })
    expect(outcome).toEqual({ code: 0, output: '[1,2,1,2,1,1,0,0,true]\n' })
  })

  test('has the client of Postgres', async () => {
    const outcome = await outcomeOfBundle(name, postgresApp)
    expect(outcome).toEqual({ code: 0, output: 'store-unavailable ECONNREFUSED\n' })
  })

  test('reads from Kafka with the client beside it, and says so where that was bundled', async () => {
    const external = '@platformatic/kafka'
    const beside = await outcomeOfBundle(name, kafkaApp, { external })
    expect(beside.output).toMatch(/^source-unavailable /)
    const { output } = await outcomeOfBundle(name, kafkaApp)
    expect(output).toMatch(
      /^config-invalid the package @platformatic\/kafka cannot be loaded: .*native\.wasm.*\(external\)/,
    )
  })
})

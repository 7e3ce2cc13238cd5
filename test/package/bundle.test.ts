// What a user gets who bundles: one file that holds the application, the stores and their scripts, and runs
// where nothing else is.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RedisServer } from '../services/redis-server.ts'
import { startRedis } from '../services/redis-server.ts'
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
let server: RedisServer
let folder: string
beforeAll(async () => {
  inturn = await packAndInstall()
  server = await startRedis()
  folder = await mkdtemp(join(tmpdir(), 'inturn-bundle-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await server.stop()
  await inturn[Symbol.asyncDispose]()
})

test('an application in one file runs on both stores in an empty folder', async () => {
  const input = join(inturn.folder, 'app.mjs')
  await writeFile(input, app)
  const bundle = await rolldown({
    input,
    platform: 'node',
    logLevel: 'silent',
    resolve: { modules: ['node_modules', join(root, 'node_modules')] },
  })
  await bundle.write({ file: join(folder, 'built', 'app.mjs'), format: 'esm', codeSplitting: false })
  await bundle.close()
  expect(await readdir(join(folder, 'built'))).toEqual(['app.mjs'])
  await mkdir(join(folder, 'empty'))
  const { code, output } = await outcomeOf(
    process.execPath,
    [join(folder, 'built', 'app.mjs'), server.url],
    join(folder, 'empty'),
  )
  expect({ code, output }).toEqual({ code: 0, output: '[1,2,1,2,1,1,0,0,true]\n' })
})

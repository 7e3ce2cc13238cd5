// Bytes in a store come out of `held --json` and `dead --json` as base64 text that says what it is.
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createProcessor } from '../../../src/engine/processor.ts'
import { sqliteStore } from '../../../src/stores/sqlite.ts'
import type { TestFolder } from '../../integration/run-inturn.ts'
import { inturn, testFolder } from '../../integration/run-inturn.ts'
import { domain, event } from '../engine/engine-world.ts'

let folder: TestFolder
const latin1 = Buffer.from('{"domain":"account","stream":"M\xfcller","sequence":1}', 'latin1')
const raw = Uint8Array.of(0, 255, 10)

beforeAll(async () => {
  folder = testFolder()
  const store = sqliteStore(join(folder.path, 'billing.db'))
  const domains = { account: domain({ handle: () => undefined }) }
  const processor = createProcessor({ consumer: 'billing', store, domains })
  const nested = event('a', 3, { data: { raw: [raw] } })
  await processor.process([event('a', 2, { data: raw }), nested, latin1, { ...nested, sequence: 'x' }])
  await processor.close()
})
afterAll(() => folder.remove())

test.each([
  [
    'held',
    [
      { sequence: 2, data_base64: 'AP8K' },
      { data: { raw: ['AP8K'] }, data_base64_at: ['/raw/0'] },
    ],
  ],
  [
    'dead',
    [
      { payload_base64: latin1.toString('base64'), bytes: latin1.length },
      { payload: { sequence: 'x', data: { raw: ['AP8K'] } }, payload_base64_at: ['/data/raw/0'] },
    ],
  ],
])('inturn %s --json', async (command, expected) => {
  const { stdout, stderr } = await inturn(folder.path, command, '--store', 'billing.db', '--json')
  expect(stderr).toBe('')
  const printed = stdout.trimEnd().split('\n')
  expect(printed.map((line): unknown => JSON.parse(line))).toMatchObject(expected)
})

// Option names: everything that a user makes with options refuses one that there is not, in the same words.
import { describe, expect, it } from 'vitest'
import { InturnError } from '../../../src/core/errors.ts'
import * as numberings from '../../../src/core/numbering.ts'
import * as producer from '../../../src/producer/index.ts'
import * as memoryStores from '../../../src/stores/memory.ts'
import * as redisStores from '../../../src/stores/redis.ts'
import * as sqliteStores from '../../../src/stores/sqlite.ts'
import * as file from '../../../src/transports/file.ts'
import * as http from '../../../src/transports/http.ts'
import * as memory from '../../../src/transports/memory.ts'
import * as redisStreams from '../../../src/transports/redis-streams.ts'

/** As JavaScript calls it, unchecked. */
type Unchecked = (...values: unknown[]) => unknown
const modules = [
  numberings,
  producer,
  memoryStores,
  redisStores,
  sqliteStores,
  file,
  http,
  memory,
  redisStreams,
]
const exported = modules
  .flatMap((module): [string, unknown][] => Object.entries(module))
  .filter((entry): entry is [string, Unchecked] => typeof entry[1] === 'function')
  .filter(([name]) => /^[a-z]/.test(name))

const redis = 'redis://localhost'
const address = 'https://log.example/{stream}?from={from}&to={to}'
/** What stands before the options; `undefined`: it takes none. */
const before: Readonly<Record<string, readonly unknown[] | undefined>> = {
  contiguous: [],
  createRelay: [],
  defineRelay: undefined,
  effectKey: undefined,
  fileHealer: ['a.ndjson'],
  fileSink: undefined,
  fileSource: ['a.ndjson'],
  fromCloudEvent: undefined,
  fromCloudEventBatch: undefined,
  httpHealer: [address],
  increasing: [],
  leasedWorker: [],
  linked: [],
  logBaseline: undefined,
  logHealer: undefined,
  logSource: [memoryStores.memoryEventLog()],
  memoryEventLog: [],
  memorySequences: [],
  memorySink: undefined,
  memorySource: [],
  memoryStore: [],
  numbered: [memory.memorySource()],
  redisEventLog: [redis],
  redisSequences: [redis],
  redisStore: [redis],
  redisStreamsSink: [],
  redisStreamsSource: [],
  sequencer: [],
  snowflake: [],
  snowflakeFormat: [],
  sqliteEventLog: ['a.db'],
  sqliteSequences: ['a.db'],
  sqliteStore: ['a.db'],
  toCloudEvent: undefined,
  unordered: [],
}

async function refusal(make: () => unknown): Promise<string> {
  try {
    await make()
  } catch (error) {
    if (error instanceof InturnError && error.code === 'config-invalid') return error.message
    throw error
  }
  return 'taken'
}

it('a text is said to be one, as it may look like the number that it should be', () => {
  const { contiguous } = numberings
  expect(() => contiguous({ modulus: '8' as never })).toThrow("from 4 to 2^52, not the text '8'")
  expect(() => contiguous({ start: '1' as never })).toThrow("'first-seen', not the text '1'")
  expect(() => memory.memorySource({ keptMax: '8' as never })).toThrow("from 1, not the text '8'")
  expect(() => file.fileSource('a', { follow: 'yes' as never })).toThrow(
    "fileSource: follow takes true or false, not the text 'yes'",
  )
  for (const make of [file.fileSource, file.fileHealer, file.fileSink]) {
    for (const [path, given] of [
      ['', 'an empty text'],
      [undefined, 'undefined'],
      [7, '7'],
    ]) {
      expect(() => make(path as string)).toThrow(`path takes the path of a file, not ${given}`)
    }
  }
})

describe('options that there are not', () => {
  it('are looked for in everything that is exported', () => {
    expect(Object.keys(before)).toEqual(exported.map(([name]) => name).toSorted())
  })

  for (const [name, make] of exported) {
    const given = before[name]
    if (given === undefined) continue
    it(`${name} names the option, and those that there are`, async () => {
      expect(await refusal(() => make(...given, { folow: true }))).toMatch(
        new RegExp(`^${name}\\.folow is no option; there are \\w+`),
      )
      expect(await refusal(() => make(...given, { toString: 1 }))).toMatch('toString is no option')
      for (const none of [null, 'follow', ['follow']]) {
        expect(await refusal(() => make(...given, none))).toMatch(
          new RegExp(`^${name} takes (no options|options: )`),
        )
      }
    })

    it(`${name} says of each option what it takes, where it was given something else`, async () => {
      const said = await refusal(() => make(...given, { folow: true }))
      const names = /there are (?<names>.*)$/.exec(said)?.groups?.['names']?.split(', ') ?? []
      expect(names).not.toEqual([])
      const taken: string[] = []
      for (const option of names) {
        const problem = await refusal(() => make(...given, { [option]: Symbol('wrong') }))
        if (problem === 'taken') taken.push(option)
      }
      expect(taken).toEqual([])
    })
  }
})

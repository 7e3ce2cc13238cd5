// The file source keeps the laws of sources (I9), read to its end and followed.
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import type { SourceFeature, SourceWorld } from '../../../src/testing/source-suite/source-world.ts'
import { fileSource } from '../../../src/transports/file.ts'
import { keepsTheSourceLaws } from '../source-laws.ts'

async function fileWorld(follow: boolean): Promise<SourceWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'inturn-file-source-'))
  const path = join(folder, 'events.ndjson')
  await writeFile(path, '')
  return {
    features: new Set<SourceFeature>(follow ? ['ordered', 'live'] : ['ordered']),
    produce: (messages) =>
      appendFile(path, messages.map((message) => `${JSON.stringify(message)}\n`).join('')),
    source: () => fileSource(path, { follow, pollMs: 2 }),
    dispose: () => rm(folder, { recursive: true }),
  }
}

describe('a file that is read to its end', () => {
  keepsTheSourceLaws(() => fileWorld(false))
})
describe('a file that is followed', () => {
  keepsTheSourceLaws(() => fileWorld(true))
})

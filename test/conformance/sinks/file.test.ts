// The file sink keeps the laws of sinks (I9), also when a write stops in the middle of a line.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import type { SinkWorld } from '../../../src/testing/sink-suite/sink-world.ts'
import { fileSink } from '../../../src/transports/file.ts'
import { breakNextWrite } from '../../unit/transports/broken-write.ts'
import { keepsTheSinkLaws } from './run-sink-suite.ts'

/** The lines of a file; the part behind the last newline is no line. */
async function linesOf(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.split('\n').slice(0, -1)
}

async function fileWorld(bytes: number): Promise<SinkWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'inturn-file-sink-'))
  const path = join(folder, 'events.ndjson')
  let mend = (): void => undefined
  return {
    sink: () => fileSink(path),
    arrived: () => linesOf(path),
    faults: {
      failNextSend: async () => {
        mend = await breakNextWrite(path, bytes)
      },
    },
    dispose: async () => {
      mend()
      await rm(folder, { recursive: true })
    },
  }
}

describe('a file, and a disk that is full before the first byte', () => {
  keepsTheSinkLaws(() => fileWorld(0))
})
describe('a file, and a disk that is full in the middle of a line', () => {
  keepsTheSinkLaws(() => fileWorld(777))
})

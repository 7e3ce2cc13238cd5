// Logs as they are archived: packed with gzip or Zstandard they are read like any other.
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { auditLog } from '../../../src/recorded/audit-log.ts'
import type { RecordedFields } from '../../../src/recorded/recorded-fields.ts'
import { LogFolder } from './log-file.ts'

const folder = new LogFolder()
afterAll(() => folder.remove())

const fields: RecordedFields = { stream: ['stream'], sequence: 'sequence', numbering: 'contiguous' }
const lines = Array.from(
  { length: 50_000 },
  (_, n) => `{"stream":"s${n % 7}","sequence":${Math.floor(n / 7)}}`,
)
const log = Buffer.from(lines.filter((_, n) => n !== 3_000).join('\n'))

async function sumsOf(path: string) {
  const { events, missing } = await auditLog(path, { fields })
  return { events, missing: Number(missing) }
}

describe('a packed log', () => {
  test.each([
    ['gzip', gzipSync(log)],
    [
      'gzip, in two members',
      Buffer.concat([gzipSync(log.subarray(0, 700_000)), gzipSync(log.subarray(700_000))]),
    ],
    ['zstd', zstdCompressSync(log)],
  ])('%s is read as what is in it', async (_, bytes) => {
    expect(await sumsOf(folder.write(bytes))).toEqual({ events: 49_999, missing: 1 })
  })

  test.each([
    ['gzip', gzipSync(log)],
    ['zstd', zstdCompressSync(log)],
  ])('%s that is cut off is unreadable, never a shorter log', async (name, bytes) => {
    const path = folder.write(bytes.subarray(0, bytes.length - 20))
    await expect(auditLog(path, { fields })).rejects.toMatchObject({
      code: 'input-unreadable',
      message: expect.stringContaining(`packed with ${name} is damaged or cut off`) as unknown,
    })
  })

  test('what has a second frame of zstd is unreadable, never its first frame alone', async () => {
    const frames = [zstdCompressSync(log.subarray(0, 9)), zstdCompressSync(log.subarray(9))]
    await expect(auditLog(folder.write(Buffer.concat(frames)), { fields })).rejects.toThrow(
      'something follows what is packed with zstd; unpack it first',
    )
  })

  test('a packed CSV is known by the extension in front', async () => {
    const csv = Buffer.from('stream,sequence\na,1\na,3\n')
    expect(await sumsOf(folder.write(gzipSync(csv), 'csv.gz'))).toEqual({ events: 2, missing: 1 })
  })

  test('what is shorter than any packing is read too', async () => {
    expect(await sumsOf(folder.write('{}'))).toEqual({ events: 1, missing: 0 })
  })
})

// The file healer keeps the laws of healers (I9).
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileHealer } from '../../../src/transports/file.ts'
import { keepsTheHealerLaws } from '../healer-laws.ts'

keepsTheHealerLaws(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'inturn-file-healer-'))
  const path = join(folder, 'archive.ndjson')
  await writeFile(path, '')
  return {
    healer: fileHealer(path),
    keep: (messages) => appendFile(path, messages.map((message) => `${JSON.stringify(message)}\n`).join('')),
    dispose: () => rm(folder, { recursive: true }),
  }
})

// The rows of an import: CSV with and without epochs, from a file and from what can be read only once.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { PositionColumns } from '../../../src/cli/position-rows.ts'
import { positionRows } from '../../../src/cli/position-rows.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'inturn-test-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

async function rowsOf(file: string, more: Partial<PositionColumns> = {}): Promise<readonly unknown[]> {
  const columns = {
    domain: 'account',
    stream: 'stream',
    position: 'position',
    format: 'csv',
    ...more,
  } as const
  const rows: unknown[] = []
  for await (const row of positionRows(file, columns)) rows.push(row)
  return rows
}

test.each([
  [',', 'stream,position\na,5\n', 0],
  [';', 'stream;position;epoch\na;5;2\n', 2],
])('a pipe gives what a file gives, with "%s" between the cells', async (delimiter, text, epoch) => {
  const [file, pipe] = [join(folder, 'rows'), join(folder, 'pipe')]
  await writeFile(file, text)
  execFileSync('mkfifo', [pipe])
  const [rows] = await Promise.all([rowsOf(pipe, { delimiter }), writeFile(pipe, text)])
  expect(rows).toMatchObject([{ stream: 'account/a', epoch, position: 5 }])
  expect(await rowsOf(file, { delimiter })).toEqual(rows)
})

test('a column for epochs that is named must be there', async () => {
  const file = join(folder, 'rows')
  await writeFile(file, 'stream,position\na,5\n')
  await expect(rowsOf(file, { epoch: 'generation' })).rejects.toMatchObject({ code: 'usage' })
})

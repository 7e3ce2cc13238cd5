// Configurations in TypeScript as people have it: what Node does not load by itself is loaded by jiti where
// that is installed, and else told with what to do.
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TestFolder } from './run-inturn.ts'
import { inturn, sourceUrl, testFolder } from './run-inturn.ts'

const jiti = fileURLToPath(new URL('../../node_modules/jiti', import.meta.url))
let folder: TestFolder

beforeEach(() => {
  folder = testFolder()
  mkdirSync(join(folder.path, 'src'))
  folder.write('tsconfig.json', '{ "compilerOptions": { "paths": { "@/*": ["./src/*"] } } }')
  folder.write('src/names.ts', "export const consumer: string = 'billing'")
  folder.write(
    'src/kinds.ts',
    "export enum Kind { One = 'billing' }\nexport const consumer: string = Kind.One",
  )
  folder.write('events.ndjson', '{"domain":"account","stream":"a","sequence":1}')
})

afterEach(() => folder.remove())

function configOf(from: string): void {
  folder.write(
    'inturn.config.ts',
    `import { contiguous, defineConfig } from ${sourceUrl('index.ts')}
    import { memoryStore } from ${sourceUrl('stores/memory.ts')}
    import { fileSource } from ${sourceUrl('transports/file.ts')}
    import { consumer } from '${from}'
    const account = { numbering: contiguous(), effects: 'external' as const, handle: () => undefined }
    const source = fileSource('events.ndjson')
    export default defineConfig({ consumer, store: memoryStore(), source, domains: { account } })`,
  )
}

test.each([
  ['@/names', 'imports @/names, which is no package. If it is a path alias of tsconfig.json: npm install'],
  ['./src/names', 'without its .ts, which node does not find: write it out, or npm install --save-dev jiti'],
  ['./src/kinds.ts', 'has TypeScript that node does not run by itself (TypeScript enum is not supported'],
])('a configuration that imports %s says what to do, and runs with jiti', async (from, advice) => {
  configOf(from)
  const without = await inturn(folder.path, 'run', '--until', 'caught-up')
  expect([without.code, without.stderr]).toEqual([2, expect.stringContaining(advice)])
  mkdirSync(join(folder.path, 'node_modules'))
  symlinkSync(jiti, join(folder.path, 'node_modules/jiti'))
  const { code, stderr } = await inturn(folder.path, 'run', '--until', 'caught-up')
  expect(stderr).toContain('consumer billing')
  expect(code).toBe(0)
})

test('a configuration runs in a package as npm init makes it, and what it imports does', async () => {
  folder.write('package.json', '{ "type": "commonjs" }')
  configOf('./src/names.ts')
  const { code, stderr } = await inturn(folder.path, 'run', '--until', 'caught-up')
  expect(stderr).toContain('consumer billing')
  expect(code).toBe(0)
})

test('a module that is nowhere is told as it is, with jiti too', async () => {
  configOf('not-there')
  mkdirSync(join(folder.path, 'node_modules'))
  symlinkSync(jiti, join(folder.path, 'node_modules/jiti'))
  const { code, stderr } = await inturn(folder.path, 'run')
  expect(code).toBe(2)
  expect(stderr).toContain('needs the package not-there, which is not installed: npm install not-there')
})

test('a configuration with wrong syntax is told with its line, or with what shows it', async () => {
  const wrong = 'export default {\n  consumer: "billing"\n  store: 1\n}\n'
  folder.write('inturn.config.ts', wrong)
  const typed = await inturn(folder.path, 'run')
  expect([typed.code, typed.stderr]).toEqual([2, expect.stringContaining('inturn.config.ts:3')])
  folder.write('plain.config.mjs', wrong)
  const plain = await inturn(folder.path, 'run', '--config', 'plain.config.mjs')
  expect(plain.code).toBe(2)
  expect(plain.stderr).toContain("Unexpected identifier 'store'; node plain.config.mjs shows where")
})

// What a user gets from the registry: the packed tarball is well formed, its types resolve, importing it
// loads nobody else's code, and its command line starts.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { codeBlocks } from '../unit/docs/marked-code.ts'
import { outcomeOf, packAndInstall, root } from './packed-package.ts'
import type { PackedPackage } from './packed-package.ts'

const tool = (name: string): string => join(root, 'node_modules', '.bin', name)

/** Prints the address of every module that importing `name` loads. */
const printLoaded = (name: string): string => `
  import { registerHooks } from 'node:module'
  registerHooks({
    load(url, context, nextLoad) {
      if (!url.startsWith('node:')) console.log(url)
      return nextLoad(url, context)
    },
  })
  await import('${name}')
`

let inturn: PackedPackage

beforeAll(async () => {
  inturn = await packAndInstall()
})

afterAll(async () => {
  await inturn[Symbol.asyncDispose]()
})

describe('the packed package', () => {
  test('is well formed by the rules of publint', async () => {
    const { code, output } = await outcomeOf(tool('publint'), ['run', inturn.tarball, '--strict'], root)
    expect(code, output).toBe(0)
  })

  test('holds what is imported, its declarations and its first pages, and nothing else', async () => {
    const { output } = await outcomeOf('tar', ['tzf', inturn.tarball], root)
    const files = output.trim().split('\n')
    expect(files).toContain('package/dist/index.js')
    expect(files.filter((file) => !/^package\/dist\/.*\.(js|d\.ts)$/.test(file)).toSorted()).toEqual([
      'package/LICENSE',
      'package/README.md',
      'package/package.json',
    ])
  })

  test('asks for no script of its own when it is installed', async () => {
    const manifest: unknown = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    const scripts = ['preinstall', 'install', 'postinstall', 'prepare']
    for (const name of scripts) expect(manifest).not.toHaveProperty(['scripts', name])
  })

  test('has types that resolve from every entry', async () => {
    const { code, output } = await outcomeOf(tool('attw'), [inturn.tarball, '--profile', 'esm-only'], root)
    expect(code, output).toBe(0)
  })

  test.for([
    'inturn',
    'inturn/audit',
    'inturn/operate',
    'inturn/producer',
    'inturn/testing',
    'inturn/stores/memory',
    'inturn/telemetry/opentelemetry',
    'inturn/telemetry/prometheus',
  ])('importing %s loads no module of anyone else', async (name) => {
    const script = ['--input-type=module', '--eval', printLoaded(name)]
    const { code, output } = await inturn.run(process.execPath, script)
    const loaded = output.trim().split('\n')
    expect(code, output).toBe(0)
    expect(loaded.length).toBeGreaterThan(0)
    expect(loaded.filter((url) => !url.includes('/node_modules/inturn/dist/'))).toEqual([])
  })

  test('audits messages of a program that has nothing but the package', async () => {
    const script = `
      import { audit } from 'inturn/audit'
      const { clean, missing } = await audit([{ stream: 'a', sequence: 1 }, { stream: 'a', sequence: 3 }])
      console.log(clean, missing)
    `
    const { code, output } = await inturn.run(process.execPath, ['--input-type=module', '--eval', script])
    expect(code, output).toBe(0)
    expect(output.trim()).toBe('false 1')
  })

  test.for([
    ['prometheus', 'prom-client'],
    ['openTelemetry', '@opentelemetry/api'],
  ] as const)('%s in a program without %s says what installs it', async ([name, needed]) => {
    const script = `
      import { createProcessor, unordered } from 'inturn'
      import { memoryStore } from 'inturn/stores/memory'
      import { ${name} } from 'inturn/telemetry/${name.toLowerCase()}'
      const domains = { a: { numbering: unordered(), effects: 'external', handle: () => undefined } }
      const options = { consumer: 'c', store: memoryStore(), domains, telemetry: ${name}() }
      await createProcessor(options).process([]).catch(({ code, message }) => console.log(code, message))
    `
    const { code, output } = await inturn.run(process.execPath, ['--input-type=module', '--eval', script])
    expect(code, output).toBe(0)
    const says = `this needs the package ${needed}, which is not installed: npm install ${needed}`
    expect(output).toBe(`config-invalid ${says}\n`)
  })

  test('brings a command line that says how to use it', async () => {
    const { code, output } = await inturn.run('npx', ['inturn', '--help'])
    expect(code, output).toBe(0)
    expect(output).toContain('inturn')
  })

  test('does what its first pages show, word for word, in a package as npm init writes it', async () => {
    const app = join(inturn.folder, 'app')
    await mkdir(app)
    const write = (name: string, text = ''): Promise<void> => writeFile(join(app, name), text)
    await write('package.json', '{ "name": "app", "version": "1.0.0", "type": "commonjs" }')
    const shown = codeBlocks('README.md')
    const example = shown.findIndex(({ language }) => language === 'ts')
    await write('example.mts', shown[example]?.code)
    const printed = await outcomeOf(process.execPath, ['example.mts'], app)
    expect(printed.output).toBe(shown[example + 1]?.code)
    const started = codeBlocks('docs/guide/getting-started.md')
    const first = (language: string): string | undefined =>
      started.find((block) => block.language === language)?.code
    await write('payments.ndjson', first('json'))
    await write('inturn.config.ts', first('ts'))
    const run = await outcomeOf('npx', ['inturn', 'run', '--until', 'caught-up'], app)
    expect(run.code, run.output).toBe(0)
    const explained = await outcomeOf('npx', ['inturn', 'explain', 'account/alice'], app)
    expect(explained.output).toContain('it stands at 3')
  })
})

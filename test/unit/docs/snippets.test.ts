// What the pages show as TypeScript compiles against the sources, and links between pages lead somewhere.
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import type { CodeBlock } from './marked-code.ts'
import { codeBlocks, root, userPages } from './marked-code.ts'

/** A snippet is checked as strictly as the project, short of what only matters to declarations. */
const tsconfig = {
  extends: join(root, 'tsconfig.json'),
  compilerOptions: {
    declaration: false,
    isolatedDeclarations: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
  },
  include: ['*.ts'],
}

/** Each block as a module, moved down to the line that it has in its page. */
function writeModules(folder: string, blocks: readonly CodeBlock[]): void {
  for (const { page, line, code } of blocks) {
    const name = page.replace(/\.md$/, '').replaceAll('/', '.')
    writeFileSync(join(folder, `${name}.${line}.ts`), '\n'.repeat(line - 1) + code)
  }
}

/** What the compiler says about the blocks, in one run; empty if it says nothing. */
function compilerComplaints(blocks: readonly CodeBlock[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'inturn-snippets-'))
  try {
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
    writeModules(folder, blocks)
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    execFileSync(process.execPath, [tsc, '--noEmit', '--pretty', 'false'], { cwd: folder, encoding: 'utf8' })
    return ''
  } catch (error) {
    return error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Pages that show fragments; on all others a snippet is whole, so that it works when it is pasted. */
const fragmentary = /^docs\/(?:stores\/|testing\.md)/

test('every TypeScript snippet of the pages compiles', () => {
  const pages = userPages().filter((page) => !fragmentary.test(page))
  const blocks = pages.flatMap((page) =>
    codeBlocks(page).filter(({ language }) => language === 'ts' || language === 'typescript'),
  )
  expect(blocks.length).toBeGreaterThan(10)
  expect(compilerComplaints(blocks)).toBe('')
})

test('a snippet that does not compile is found, at its line of the page', () => {
  const code = "import { contiguous } from 'inturn'\nexport const numbering: string = contiguous()\n"
  const block = { page: 'docs/guide/wrong.md', line: 7, language: 'ts', code }
  expect(compilerComplaints([block])).toMatch(/^docs\.guide\.wrong\.7\.ts\(8,14\)/)
})

/** What GitHub makes of a heading. */
function anchorOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-')
}

/** A page without its blocks of code. */
function proseOf(page: string): string {
  return readFileSync(page, 'utf8').replaceAll(/^```.*?^```$/gms, '')
}

function anchorsOf(page: string): readonly string[] {
  return [...proseOf(page).matchAll(/^#+ (?<heading>.*)$/gm)].map(({ groups }) =>
    anchorOf(groups?.['heading'] ?? ''),
  )
}

function brokenLinks(page: string): readonly string[] {
  const links = proseOf(join(root, page)).matchAll(/\]\((?<target>[^)\s]+)\)/g)
  return [...links].flatMap(({ groups }) => {
    const target = groups?.['target'] ?? ''
    if (/^https?:/.test(target)) return []
    const [path = '', anchor] = target.split('#')
    const file = path === '' ? join(root, page) : join(root, dirname(page), path)
    if (!existsSync(file)) return [`${page}: ${target}`]
    if (anchor === undefined || anchorsOf(file).includes(anchor)) return []
    return [`${page}: ${target} has no such heading`]
  })
}

test('every link between pages leads to a page and a heading', () => {
  expect(userPages().flatMap(brokenLinks)).toEqual([])
})

/** Files of the project that a page names, in code: a whole path, or the end of one. */
function namedFiles(page: string): readonly string[] {
  const names = proseOf(join(root, page)).matchAll(/`(?<name>[\w./-]+\.(?:ts|sql|json|ndjson))`/g)
  return [...names].map(({ groups }) => groups?.['name'] ?? '')
}

test('every file of the project that a page names is there', () => {
  const files = globSync(['*', '{src,test,examples,scripts,bench}/**/*'], { cwd: root })
  const ends = files.map((file) => `/${file.replaceAll('\\', '/')}`)
  const isThere = (name: string): boolean => ends.some((end) => end.endsWith(`/${name}`))
  const pages = ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/testing.md']
  pages.push(...userPages().filter((page) => page.startsWith('docs/decisions/')))
  const missing = pages.flatMap((page) =>
    namedFiles(page).flatMap((name) => (isThere(name) ? [] : `${page}: ${name}`)),
  )
  expect(missing).toEqual([])
})

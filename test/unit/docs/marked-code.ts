// The blocks of code in the project's pages, with the line at which each begins.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A fenced block of a page. */
export interface CodeBlock {
  /** Relative to the root of the project. */
  readonly page: string
  /** The line of its first line of code, from 1. */
  readonly line: number
  readonly language: string
  readonly code: string
}

export const root: string = fileURLToPath(new URL('../../..', import.meta.url))

const fence = /^```(?<language>\w+)[^\n]*\n(?<code>.*?)^```$/gms

/** The blocks of one page, in order. */
export function codeBlocks(page: string): readonly CodeBlock[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(fence)].map(({ index, groups }) => ({
    page,
    line: text.slice(0, index).split('\n').length + 1,
    language: groups?.['language'] ?? '',
    code: groups?.['code'] ?? '',
  }))
}

/** The pages that users read, relative to the root. */
export function userPages(): readonly string[] {
  return globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md'], { cwd: root })
    .filter((page) => !page.includes('node_modules'))
    .map((page) => page.replaceAll('\\', '/'))
    .sort()
}

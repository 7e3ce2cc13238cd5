// Writes the public API of the package as text: for each entry of `exports`, every exported declaration, and
// below them the declarations that these mention without the package exporting them anywhere.
import { readDeclarationFile } from './declaration-file.ts'
import type { DeclarationFile, Origin } from './declaration-file.ts'

/** An entry of `exports`: the name users import, and its declaration file. */
export interface Entry {
  readonly name: string
  readonly file: string
}

/** A declared thing, found: the file that declares it, and its name there. */
interface Symbol {
  readonly file: string
  readonly name: string
}

const files = new Map<string, DeclarationFile>()

function read(file: string): DeclarationFile {
  const known = files.get(file) ?? readDeclarationFile(file)
  files.set(file, known)
  return known
}

function follow(origin: Origin): Symbol | undefined {
  if (origin.file === undefined) return undefined
  const exported = read(origin.file).exports.get(origin.name)
  if (exported === undefined) throw new Error(`${origin.file} exports no ${origin.name}`)
  return typeof exported === 'string' ? find(origin.file, exported) : follow(exported)
}

/** Finds what a name means inside a file; undefined for globals, parameters and names of other packages. */
function find(file: string, name: string): Symbol | undefined {
  const { declarations, imports } = read(file)
  if (declarations.has(name)) return { file, name }
  const origin = imports.get(name)
  return origin && follow(origin)
}

function idOf({ file, name }: Symbol): string {
  return `${file}#${name}`
}

/** The exports of an entry: exported name to what it is, or to the package it comes from. */
function exportsOf({ file }: Entry): Map<string, Symbol | string> {
  const found = new Map<string, Symbol | string>()
  for (const [name, exported] of read(file).exports) {
    const symbol = typeof exported === 'string' ? find(file, exported) : follow(exported)
    found.set(name, symbol ?? (typeof exported === 'string' ? 'another package' : exported.from))
  }
  return new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function spansOf({ file, name }: Symbol): readonly { start: number; end: number }[] {
  return read(file).declarations.get(name) ?? []
}

function textOf(symbol: Symbol): string {
  return spansOf(symbol)
    .map((span) =>
      read(symbol.file)
        .text(span)
        .replace(/^(export )?(declare )?/, ''),
    )
    .join('\n')
}

function mentionedBy(symbol: Symbol): Symbol[] {
  const names = spansOf(symbol).flatMap((span) => read(symbol.file).mentions(span))
  return [...new Set(names)].flatMap((name) => find(symbol.file, name) ?? [])
}

/** Everything that the symbols mention, at any depth, that no entry of the package exports. */
function unexportedBelow(symbols: readonly Symbol[], exported: ReadonlySet<string>): Symbol[] {
  const found = new Map<string, Symbol>()
  const waiting = [...symbols]
  for (let symbol = waiting.pop(); symbol !== undefined; symbol = waiting.pop()) {
    for (const mentioned of mentionedBy(symbol)) {
      if (exported.has(idOf(mentioned)) || found.has(idOf(mentioned))) continue
      found.set(idOf(mentioned), mentioned)
      waiting.push(mentioned)
    }
  }
  return [...found.values()].toSorted((a, b) => (idOf(a) < idOf(b) ? -1 : 1))
}

function write(entry: Entry, exported: ReadonlySet<string>): string {
  const lines = [`// The public API of '${entry.name}'. Written by \`npm run api\`; do not edit.`]
  const symbols: Symbol[] = []
  for (const [name, symbol] of exportsOf(entry)) {
    if (typeof symbol === 'string') {
      lines.push(`export { ${name} } from '${symbol}'`)
      continue
    }
    const alias = symbol.name === name ? '' : `/* as ${name} */ `
    lines.push(`export ${alias}${textOf(symbol)}`)
    symbols.push(symbol)
  }
  const hidden = unexportedBelow(symbols, exported)
  if (hidden.length > 0) lines.push('// Mentioned above, exported nowhere:', ...hidden.map(textOf))
  return `${lines.join('\n\n')}\n`
}

/** The report of every entry, by entry name. */
export function reportsOf(entries: readonly Entry[]): Map<string, string> {
  const exported = new Set<string>()
  for (const entry of entries) {
    for (const symbol of exportsOf(entry).values()) if (typeof symbol !== 'string') exported.add(idOf(symbol))
  }
  return new Map(entries.map((entry) => [entry.name, write(entry, exported)]))
}

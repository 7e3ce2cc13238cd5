// One declaration file as the API report sees it: what it declares, what it imports, what it exports and
// which names each piece of it mentions.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseSync, Visitor } from 'oxc-parser'
import type { Directive, Statement } from 'oxc-parser'

/** A name in another module: a file, or a package when `file` is absent. */
export interface Origin {
  readonly file?: string
  readonly from: string
  readonly name: string
}

/** A range of the file, in characters. */
interface Span {
  readonly start: number
  readonly end: number
}

export interface DeclarationFile {
  /** The spans of each declared name; overloads have several. */
  readonly declarations: ReadonlyMap<string, readonly Span[]>
  readonly imports: ReadonlyMap<string, Origin>
  /** Exported name to the local name, or to where it comes from. */
  readonly exports: ReadonlyMap<string, string | Origin>
  /** The text of a span without comments, indented as in the file. */
  text(span: Span): string
  /** The names mentioned within a span. */
  mentions(span: Span): string[]
}

function declaredNames(statement: Directive | Statement): string[] {
  const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement
  if (declaration?.type === 'VariableDeclaration') {
    return declaration.declarations.flatMap(({ id }) => (id.type === 'Identifier' ? [id.name] : []))
  }
  const id = declaration && 'id' in declaration ? declaration.id : null
  return id?.type === 'Identifier' ? [id.name] : []
}

function withoutComments(source: string, comments: readonly Span[], span: Span): string {
  let text = ''
  let from = span.start
  for (const comment of comments) {
    if (comment.start < from || comment.end > span.end) continue
    text += source.slice(from, comment.start)
    from = comment.end
  }
  text += source.slice(from, span.end)
  return text.replaceAll(/[ \t]+$/gm, '').replaceAll(/\n{2,}/g, '\n')
}

/** Reads one `.d.ts` file. `file` is an absolute path. */
export function readDeclarationFile(file: string): DeclarationFile {
  const source = readFileSync(file, 'utf8')
  const { program, comments, module } = parseSync(file, source)
  const originOf = (from: string, name: string): Origin =>
    from.startsWith('.')
      ? { file: join(dirname(file), from.replace(/\.[jt]s$/, '.d.ts')), from, name }
      : { from, name }

  const declarations = new Map<string, Span[]>()
  for (const statement of program.body) {
    for (const name of declaredNames(statement)) {
      declarations.set(name, [...(declarations.get(name) ?? []), statement])
    }
  }
  const imports = new Map<string, Origin>()
  for (const { entries, moduleRequest } of module.staticImports) {
    for (const { localName, importName } of entries) {
      imports.set(localName.value, originOf(moduleRequest.value, importName.name ?? '*'))
    }
  }
  const exports = new Map<string, string | Origin>()
  for (const { exportName, importName, localName, moduleRequest } of module.staticExports.flatMap(
    (statement) => statement.entries,
  )) {
    const exported = exportName.name ?? 'default'
    if (moduleRequest) exports.set(exported, originOf(moduleRequest.value, importName.name ?? '*'))
    else exports.set(exported, localName.name ?? exported)
  }
  const mentioned: { name: string; start: number }[] = []
  new Visitor({
    Identifier: ({ name, start }) => void mentioned.push({ name, start }),
  }).visit(program)

  return {
    declarations,
    imports,
    exports,
    text: (span) => withoutComments(source, comments, span),
    mentions: (span) =>
      mentioned.filter(({ start }) => start >= span.start && start < span.end).map(({ name }) => name),
  }
}

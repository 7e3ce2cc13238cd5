// One file as the laws see it: its text, and for TypeScript its syntax tree, comments and imports.
import { parseSync, Visitor } from 'oxc-parser'
import type { Comment, ParseResult, VisitorObject } from 'oxc-parser'

/** An import or re-export, static, dynamic or in a type. */
interface Import {
  readonly from: string
  /** The imported names; empty for a namespace or a dynamic import. */
  readonly names: readonly string[]
}

/** A comment as its reader sees it: neighbouring line comments are one. Lines count from 0. */
export interface CommentBlock {
  readonly lines: readonly string[]
  readonly firstLine: number
  readonly isDoc: boolean
}

export class SourceFile {
  readonly path: string
  readonly text: string
  #parsed: ParseResult | undefined

  constructor(path: string, text: string) {
    this.path = path
    this.text = text
  }

  get isTypeScript(): boolean {
    return this.path.endsWith('.ts')
  }

  get lines(): string[] {
    return this.text.split('\n')
  }

  get #syntax(): ParseResult {
    this.#parsed ??= parseSync(this.path, this.text)
    return this.#parsed
  }

  get comments(): readonly Comment[] {
    return this.#syntax.comments
  }

  visit(visitor: VisitorObject): void {
    new Visitor(visitor).visit(this.#syntax.program)
  }

  /** Lines that hold more than blanks and comments. */
  get codeLineCount(): number {
    const code = this.isTypeScript ? this.#withoutComments() : this.text.replaceAll(/^\s*--.*$/gm, '')
    return code.split('\n').filter((line) => line.trim() !== '').length
  }

  #withoutComments(): string {
    let code = ''
    let from = 0
    for (const { start, end } of this.comments) {
      code += this.text.slice(from, start) + this.text.slice(start, end).replaceAll(/[^\n]/g, ' ')
      from = end
    }
    return code + this.text.slice(from)
  }

  get commentBlocks(): CommentBlock[] {
    const blocks: (CommentBlock & { lines: string[] })[] = []
    for (const { type, value, start } of this.comments) {
      const firstLine = this.text.slice(0, start).split('\n').length - 1
      const last = blocks.at(-1)
      const lines = value.split('\n').map((line) => line.replace(/^[\s*]*(?=\s|$)/, '').trim())
      if (type === 'Line' && last && last.firstLine + last.lines.length === firstLine)
        last.lines.push(...lines)
      else blocks.push({ lines, firstLine, isDoc: type === 'Block' && value.startsWith('*') })
    }
    return blocks
  }

  get imports(): Import[] {
    const { staticImports, staticExports, dynamicImports } = this.#syntax.module
    const found: Import[] = staticImports.map(({ moduleRequest, entries }) => ({
      from: moduleRequest.value,
      names: entries.flatMap(({ importName }) => importName.name ?? []),
    }))
    for (const { moduleRequest, importName } of staticExports.flatMap(({ entries }) => entries)) {
      if (moduleRequest)
        found.push({ from: moduleRequest.value, names: importName.name ? [importName.name] : [] })
    }
    for (const { moduleRequest } of dynamicImports) {
      const literal = /^['"](?<from>.*)['"]$/.exec(this.text.slice(moduleRequest.start, moduleRequest.end))
      if (literal?.groups?.['from']) found.push({ from: literal.groups['from'], names: [] })
    }
    this.visit({ TSImportType: ({ source }) => void found.push({ from: source.value, names: [] }) })
    return found
  }

  /** Uses of bare names (`process`), their members (`Math.random`), `new Date()` and `Date()`, as written. */
  get namesUsed(): Set<string> {
    const labels = new Set<number>()
    const names: { name: string; start: number }[] = []
    const used = new Set<string>()
    const label = ({ key, computed }: { key: { start: number }; computed: boolean }): void => {
      if (!computed) labels.add(key.start)
    }
    this.visit({
      Identifier: ({ name, start }) => void names.push({ name, start }),
      MemberExpression({ object, property, computed }) {
        if (computed) return
        labels.add(property.start)
        if (object.type === 'Identifier') used.add(`${object.name}.${property.name}`)
      },
      NewExpression({ callee, arguments: given }) {
        if (callee.type === 'Identifier' && given.length === 0) used.add(`new ${callee.name}()`)
      },
      CallExpression({ callee }) {
        if (callee.type === 'Identifier') used.add(`${callee.name}()`)
      },
      Property: label,
      PropertyDefinition: label,
      MethodDefinition: label,
      TSPropertySignature: label,
      TSMethodSignature: label,
    })
    for (const { name, start } of names) if (!labels.has(start)) used.add(name)
    return used
  }
}

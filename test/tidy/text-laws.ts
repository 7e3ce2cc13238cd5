// The laws of what is written in a file: comments that explain, named exports, SQL and Lua only where they
// are run, and nothing that a bundle would miss.
import { parseSync } from 'oxc-parser'
import { codeFiles, typeScriptFiles } from './project.ts'
import type { Law } from './project.ts'
import type { CommentBlock, SourceFile } from './source-file.ts'

const statement = /^(?:const|let|var|import|export|return|await|throw|function|class|if|for|while)\b.*[=({'"]/
const call = /^[\w$.]+\(.*\)$/
const sql = /\b(?:CREATE TABLE|INSERT INTO|DELETE FROM|SELECT\b[^`]*?\bFROM|UPDATE\b[^`]*?\bSET)\b/
/** How what was caught is named. */
const caught = new Set(['error', 'cause', 'failure', 'thrown'])
const lua = /\bredis\.call\(/
const sqlRooms = /^src\/(?:stores\/(?:postgres|sqlite)|cli\/demo)\//
const luaRooms = /^src\/(?:redis|stores\/redis|transports\/redis-streams)\//

function isCode(line: string): boolean {
  if (!statement.test(line) && !call.test(line)) return false
  return parseSync('line.ts', `async () => { ${line} }`).errors.length === 0 || line.endsWith('{')
}

/** Comment blocks of TypeScript, or the `--` lines of SQL and Lua as one block each. */
function commentsOf(file: SourceFile): CommentBlock[] {
  if (file.isTypeScript) return file.commentBlocks
  return file.lines.flatMap((line, firstLine) => {
    const text = /^\s*--(?<text>.*)$/.exec(line)?.groups?.['text']
    return text === undefined ? [] : { lines: [text.trim()], firstLine, isDoc: false }
  })
}

function inComments(pattern: RegExp): Law['broken'] {
  return (project) =>
    project
      .files(codeFiles)
      .flatMap((file) =>
        commentsOf(file).flatMap(({ lines, firstLine }) =>
          lines.flatMap((line, index) =>
            pattern.test(line) ? `${file.path}:${firstLine + index + 1} ${line}` : [],
          ),
        ),
      )
}

function openingLineCount(file: SourceFile): number {
  const lines = file.lines[0]?.startsWith('#!') ? file.lines.slice(1) : file.lines
  const end = lines.findIndex((line) => !/^\s*(?:\/\/|\/\*|\*|--)/.test(line))
  return end === -1 ? lines.length : end
}

export const textLaws: readonly Law[] = [
  {
    name: 'each source file opens with a comment of one to six lines',
    broken: (project) =>
      project.files(/^src\/.*\.ts$/).flatMap((file) => {
        const count = openingLineCount(file)
        return count < 1 || count > 6 ? `${file.path} opens with ${count} lines of comment` : []
      }),
    example: { 'src/core/mute.ts': 'export const one = 1' },
  },
  {
    name: 'no work is left as a note in the code',
    broken: inComments(/\b(?:TODO|FIXME|XXX|HACK)\b/),
    example: { 'src/core/later.ts': '// TODO: count' },
  },
  {
    name: 'no comment is a banner',
    broken: inComments(/(?<mark>[-=*#_~+])\k<mark>{3,}/),
    example: { 'src/core/loud.ts': '// ---- Verdicts ----' },
  },
  {
    name: 'no code is commented out',
    broken: (project) =>
      project
        .files(typeScriptFiles)
        .flatMap((file) =>
          file.commentBlocks
            .filter(({ isDoc }) => !isDoc)
            .flatMap(({ lines, firstLine }) =>
              lines.flatMap((line, index) =>
                isCode(line) ? `${file.path}:${firstLine + index + 1} ${line}` : [],
              ),
            ),
        ),
    example: { 'src/core/old.ts': '// const next = last + 1' },
  },
  {
    name: 'nothing is exported by star',
    broken: (project) =>
      project.files(typeScriptFiles).flatMap((file) => {
        const stars: string[] = []
        file.visit({ ExportAllDeclaration: ({ source }) => void stars.push(`${file.path}: ${source.value}`) })
        return stars
      }),
    example: { 'src/index.ts': "export * from './core/verdict.ts'" },
  },
  {
    name: 'SQL stands in the SQLite store and the demo, Lua in what is Redis',
    broken: (project) =>
      project.files(/^src\/.*\.ts$/).flatMap((file) => {
        const found: string[] = []
        const look = (text: string): void => {
          const isWrong =
            (!sqlRooms.test(file.path) && sql.test(text)) || (!luaRooms.test(file.path) && lua.test(text))
          if (isWrong) found.push(`${file.path}: ${text.trim().slice(0, 60)}`)
        }
        file.visit({
          TemplateElement: ({ value }) => look(value.raw),
          Literal: ({ value }) => typeof value === 'string' && look(value),
        })
        return found
      }),
    example: {
      'src/operate/count.ts': 'export const schema = `CREATE TABLE positions (last INTEGER)`',
    },
  },
  {
    name: 'a script says in its header which keys it takes',
    broken: (project) =>
      project
        .files(luaRooms)
        .flatMap((file) =>
          [
            ...file.text.matchAll(
              / (?:store|oneSlot|plain)Script\((?:\s*\w+,)*\s*lua`\n(?<header>(?: *--.*\n)*)/g,
            ),
          ]
            .filter(({ groups }) => !/\bKEYS:/.test(groups?.['header'] ?? ''))
            .map(([call]) => `${file.path}: ${call.trim().slice(0, 60)}`),
        ),
    example: { 'src/stores/redis/now.ts': 'const nowScript = storeScript(lua`\n  return now\n`)' },
  },
  {
    name: 'src is TypeScript, and nothing but the command line asks where its own files are',
    broken: (project) => [
      ...project.paths.filter((path) => /^src\/.*(?<!\.ts)$/.test(path)),
      ...project.files(/^src\/(?!cli\/|recorded\/scan-log\.ts).*\.ts$/).flatMap((file) => {
        const found: string[] = []
        file.visit({ MetaProperty: () => void found.push(`${file.path}: import.meta`) })
        return found
      }),
    ],
    example: { 'src/stores/sqlite/schema.ts': "readFileSync(new URL('schema.sql', import.meta.url))" },
  },
  {
    name: 'what was caught is asked and made text by core/thrown.ts, which never throws',
    broken: (project) =>
      project.files(/^src\/(?!core\/thrown\.ts).*\.ts$/).flatMap((file) => {
        const found: string[] = []
        file.visit({
          BinaryExpression({ operator, right }) {
            const isAsked = operator === 'instanceof' && right.type === 'Identifier'
            if (isAsked && right.name === 'Error') found.push(`${file.path}: instanceof Error`)
          },
          CallExpression({ callee, arguments: [given] }) {
            if (callee.type !== 'Identifier' || callee.name !== 'String') return
            const name = given?.type === 'Identifier' ? given.name : ''
            if (caught.has(name)) found.push(`${file.path}: String(${name})`)
          },
        })
        return found
      }),
    example: { 'src/engine/say.ts': 'export const say = (error: unknown) => String(error)' },
  },
]

// The laws of size: a maximum is what keeps code readable, so there is no list of exceptions.
import { codeFiles } from './project.ts'
import type { Law, Project } from './project.ts'

const lineMax = 110
const portMembersMax = 12

function longerThan(project: Project, pattern: RegExp, codeLinesMax: number): string[] {
  return project
    .files(pattern)
    .filter((file) => file.codeLineCount > codeLinesMax)
    .map((file) => `${file.path} has ${file.codeLineCount} lines of code; at most ${codeLinesMax}`)
}

/** Interfaces that others implement: those with methods. */
function widePorts(project: Project): string[] {
  return project.files(/^src\/ports\/.*\.ts$/).flatMap((file) => {
    const wide: string[] = []
    file.visit({
      TSInterfaceDeclaration({ id, body: { body: members } }) {
        const isPort = members.some(({ type }) => type === 'TSMethodSignature')
        if (isPort && members.length > portMembersMax)
          wide.push(`${file.path}: ${id.name} has ${members.length} members; at most ${portMembersMax}`)
      },
    })
    return wide
  })
}

export const sizeLaws: readonly Law[] = [
  {
    name: 'a file has at most 500 lines of code',
    broken: (project) =>
      longerThan(project, /^(?:src|bench|examples|scripts|console)\/.*\.(?:ts|lua|css|html)$/, 500),
    example: { 'src/core/long.ts': 'f()\n'.repeat(501) },
  },
  {
    name: 'a test file has at most 500 lines of code',
    broken: (project) => longerThan(project, /^test\/.*\.(?:ts|lua)$/, 500),
    example: { 'test/unit/long.test.ts': 'f()\n'.repeat(501) },
  },
  {
    name: 'a line has at most 110 characters',
    broken: (project) =>
      project.files(codeFiles).flatMap((file) =>
        file.lines.flatMap((line, index) => {
          return line.length > lineMax ? `${file.path}:${index + 1} has ${line.length} characters` : []
        }),
      ),
    example: { 'src/core/wide.ts': `// ${'x'.repeat(lineMax)}` },
  },
  {
    name: 'a port has at most 12 members',
    broken: widePorts,
    example: { 'src/ports/wide.ts': `interface Wide { ${'m(): void; '.repeat(13)} }` },
  },
]

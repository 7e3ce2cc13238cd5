// The laws of size: a maximum is what keeps code readable, so there is no list of exceptions.
import { codeFiles } from './project.ts'
import type { Law, Project } from './project.ts'

const lineMax = 110

function longerThan(project: Project, pattern: RegExp, codeLinesMax: number): string[] {
  return project
    .files(pattern)
    .filter((file) => file.codeLineCount > codeLinesMax)
    .map((file) => `${file.path} has ${file.codeLineCount} lines of code; at most ${codeLinesMax}`)
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
]

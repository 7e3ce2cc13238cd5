// The laws that tie code to what is written about it: errors, invariants and adaptors; and a lockfile that
// names no places.
import type { Law, PackageJson, Project } from './project.ts'
import type { SourceFile } from './source-file.ts'

const invariants = Array.from({ length: 10 }, (_, index) => `I${index + 1}`)

function errorCodesIn(file: SourceFile): string[] {
  const spans: { start: number; end: number }[] = []
  const literals: { value: string; start: number }[] = []
  file.visit({
    TSTypeAliasDeclaration: ({ id, start, end }) => {
      if (id.name === 'ErrorCode') spans.push({ start, end })
    },
    VariableDeclarator: ({ id, start, end }) => {
      if (id.type === 'Identifier' && id.name === 'errorCodes') spans.push({ start, end })
    },
    Literal: ({ value, start }) => {
      if (typeof value === 'string') literals.push({ value, start })
    },
  })
  const within = (at: number): boolean => spans.some(({ start, end }) => at >= start && at < end)
  return literals.filter(({ start }) => within(start)).map(({ value }) => value)
}

function undocumentedErrors(project: Project): string[] {
  if (!project.has('src/core/errors.ts')) return ['src/core/errors.ts is missing']
  if (!project.has('docs/errors.md')) return ['docs/errors.md is missing']
  const page = project.text('docs/errors.md')
  const codes = errorCodesIn(project.file('src/core/errors.ts'))
  if (codes.length === 0) return ['src/core/errors.ts declares no error codes']
  const headed = [...page.matchAll(/^#+ `(?<code>[\w-]+)`/gm)].map(({ groups }) => groups?.['code'] ?? '')
  return [
    ...codes.filter((code) => !page.includes(`\`${code}\``)).map((code) => `docs/errors.md lacks ${code}`),
    ...headed.filter((code) => !codes.includes(code)).map((code) => `docs/errors.md has unknown ${code}`),
  ]
}

function uncitedInvariants(project: Project): string[] {
  const architecture = project.text('ARCHITECTURE.md')
  const tests = project.files(/^test\/(?!tidy\/).*\.ts$/)
  return invariants.flatMap((invariant) => {
    const numbered = new RegExp(`^\\W*${invariant}\\b`, 'm').test(architecture)
    const cited = tests.some(({ text }) => new RegExp(`\\b${invariant}\\b`).test(text))
    return [
      ...(numbered ? [] : [`ARCHITECTURE.md has no line that opens with ${invariant}`]),
      ...(cited ? [] : [`no test cites ${invariant}`]),
    ]
  })
}

interface Adaptor {
  readonly kind: 'stores' | 'transports'
  readonly name: string
}

function adaptorsOf(project: Project): Adaptor[] {
  const found = new Map<string, Adaptor>()
  for (const path of project.paths) {
    const groups = /^src\/(?<kind>stores|transports)\/(?<name>[^/.]+)/.exec(path)?.groups
    if (groups) found.set(`${groups['kind']}/${groups['name']}`, groups as unknown as Adaptor)
  }
  return [...found.values()]
}

function isBound(project: Project, { kind, name }: Adaptor): boolean {
  const words = kind === 'stores' ? /store|event-log/ : /transport|source|sink/
  return project
    .files(/^test\/conformance\/.*\.test\.ts$/)
    .some(({ path }) => words.test(path) && (path.split('/').at(-1) ?? '').includes(name))
}

function isExported({ exports = {} }: PackageJson, { kind }: Adaptor): boolean {
  return JSON.stringify(exports[`./${kind}/*`] ?? '').includes(`./dist/${kind}/*.js`)
}

function unregistered(project: Project, adaptor: Adaptor): string[] {
  const { kind, name } = adaptor
  const { exports = {} } = project.packageJson
  const lacks: string[] = []
  if (!project.has(`src/${kind}/${name}.ts`)) lacks.push(`an entry file src/${kind}/${name}.ts`)
  if (!project.has(`docs/${kind}/${name}.md`)) lacks.push(`a page docs/${kind}/${name}.md`)
  if (!isBound(project, adaptor)) lacks.push(`a conformance binding test/conformance/${kind}/${name}.test.ts`)
  if (!isExported(project.packageJson, adaptor)) lacks.push(`an export ./${kind}/*`)
  const hasFolder = project.paths.some((path) => path.startsWith(`src/${kind}/${name}/`))
  const inner = `./${kind}/${name}/*`
  if (hasFolder && exports[inner] !== null) lacks.push(`an export "${inner}": null that hides its folder`)
  return lacks.map((thing) => `${kind}/${name} lacks ${thing}`)
}

export const recordLaws: readonly Law[] = [
  {
    name: 'every error code is explained in docs/errors.md, and nothing else is',
    broken: undocumentedErrors,
    example: {
      'src/core/errors.ts': "export type ErrorCode = 'usage' | 'claim-lost'",
      'docs/errors.md': '## `usage`',
    },
  },
  {
    name: 'every invariant is numbered in ARCHITECTURE.md and cited by a test',
    broken: uncitedInvariants,
    example: { 'ARCHITECTURE.md': 'I1. Order.' },
  },
  {
    name: 'every adaptor has an entry, a page, a conformance binding and an export',
    broken: (project) => adaptorsOf(project).flatMap((adaptor) => unregistered(project, adaptor)),
    example: { 'src/stores/redis.ts': '' },
  },
  {
    name: 'the lockfile and .npmrc name no registry',
    broken: (project) => [
      ...(/"resolved":/.test(project.text('package-lock.json'))
        ? ['package-lock.json has resolved addresses']
        : []),
      ...(/registry\s*=|\/\//.test(project.text('.npmrc').replaceAll(/omit-\S+/g, '')) ? ['.npmrc'] : []),
    ],
    example: { 'package-lock.json': '{ "resolved": "registry.example/x.tgz" }' },
  },
]

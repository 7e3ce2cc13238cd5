// The laws of who may import whom. The table below is the whole of it: a folder that is not in it may not
// exist.
import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import type { Law, Project } from './project.ts'
import type { SourceFile } from './source-file.ts'

const pure = ['core', 'ports']
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: ['core'],
  ports: pure,
  recorded: ['core', 'recorded'],
  engine: [...pure, 'engine'],
  producer: [...pure, 'producer'],
  operate: [...pure, 'recorded', 'operate'],
  metrics: [...pure, 'operate', 'metrics'],
  telemetry: [...pure, 'metrics'],
  redis: [...pure, 'redis'],
  storage: [...pure, 'storage'],
  stores: [...pure, 'redis', 'storage'],
  transports: [...pure, 'redis'],
  testing: [...pure, 'storage', 'testing'],
  cli: [
    ...pure,
    'recorded',
    'engine',
    'producer',
    'operate',
    'stores',
    'transports',
    'telemetry',
    'testing',
    'cli',
  ],
  audit: ['core', 'recorded'],
  index: [...pure, 'recorded', 'engine', 'producer', 'operate'],
}

const sourceFiles = /^src\/.*\.ts$/
const adaptorFile = /^src\/(?<adaptor>(?:stores|transports|telemetry)\/[^/.]+)/

/** `core` of src/core/spans.ts, `stores` of src/stores/redis.ts, `index` of src/index.ts. */
function areaOf(path: string): string {
  return path.split('/')[1]?.replace(/\.ts$/, '') ?? ''
}

function adaptorOf(path: string): string | undefined {
  return adaptorFile.exec(path)?.groups?.['adaptor']
}

function localImports(file: SourceFile): string[] {
  return file.imports
    .filter(({ from }) => from.startsWith('.'))
    .map(({ from }) => posix.join(posix.dirname(file.path), from))
}

function packageImports(file: SourceFile): string[] {
  return file.imports
    .filter(({ from }) => !from.startsWith('.') && !from.startsWith('node:'))
    .map(({ from }) => from.split('/', from.startsWith('@') ? 2 : 1).join('/'))
}

function isAllowed(from: string, to: string): boolean {
  const adaptor = adaptorOf(from)
  if (adaptor !== undefined && adaptor === adaptorOf(to)) return true
  const allowed = mayImport[areaOf(from)] ?? []
  return allowed.includes(areaOf(to)) || allowed.includes(adaptorOf(to) ?? '')
}

function cyclesIn(project: Project): string[] {
  const done = new Set<string>()
  const cycles: string[] = []
  const walk = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path)
    if (at !== -1) cycles.push([...trail.slice(at), path].join(' -> '))
    if (at !== -1 || done.has(path) || !project.has(path)) return
    for (const next of localImports(project.file(path)))
      if (next.endsWith('.ts')) walk(next, [...trail, path])
    done.add(path)
  }
  for (const { path } of project.files(sourceFiles)) walk(path, [])
  return cycles
}

function undeclaredPackages(project: Project): string[] {
  const { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = project.packageJson
  return project.files(sourceFiles).flatMap((file) =>
    packageImports(file).flatMap((name) => {
      if (builtinModules.includes(name)) return `${file.path} imports ${name} without node:`
      if (areaOf(file.path) === 'cli' && name in dependencies) return []
      // It has types alone: nothing of it is loaded.
      if (name === '@standard-schema/spec' && name in dependencies) return []
      if (adaptorOf(file.path) === undefined && areaOf(file.path) !== 'redis')
        return `${file.path} imports ${name}`
      if (name in peerDependencies && peerDependenciesMeta[name]?.optional === true) return []
      return `${file.path} imports ${name}, which is no optional peer dependency`
    }),
  )
}

export const importLaws: readonly Law[] = [
  {
    name: 'imports go core <- ports <- engine, producer, operate <- cli, and no adaptor knows a sibling',
    broken: (project) =>
      project.files(sourceFiles).flatMap((file) => {
        if (!(areaOf(file.path) in mayImport)) return `${file.path} is in no folder of the house`
        const wrong = localImports(file).filter((path) => !isAllowed(file.path, path))
        return wrong.map((path) => `${file.path} imports ${path}`)
      }),
    example: { 'src/stores/redis/claims.ts': "import { held } from '../postgres/held.ts'" },
  },
  {
    name: 'no file imports itself by any way round',
    broken: cyclesIn,
    example: {
      'src/core/hen.ts': "import type { Egg } from './egg.ts'",
      'src/core/egg.ts': "import type { Hen } from './hen.ts'",
    },
  },
  {
    name: 'only adaptors and `redis` import clients, as optional peers; only cli dependencies with code',
    broken: undeclaredPackages,
    example: { 'src/engine/run.ts': "import { createClient } from 'redis'", 'package.json': '{}' },
  },
]

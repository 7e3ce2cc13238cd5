// The laws that make simulation possible: core is pure, and the engine takes time and chance only through
// its ports. And the one that keeps data off terminals: commands print in one place.
import type { Law, Project } from './project.ts'

const timers = ['setTimeout', 'setInterval', 'setImmediate', 'AbortSignal.timeout']
const chance = ['Math.random', 'crypto', 'randomUUID', 'randomBytes', 'randomInt', 'getRandomValues']
const time = ['Date.now', 'new Date()', 'performance', ...timers]
const world = ['Date()', 'process', 'console', 'fetch', 'Buffer', 'globalThis', 'require', ...timers]

const notInCore = new Set([...time, ...chance, ...world])
const notInEngine = new Set([...time, ...chance])

function uses(project: Project, folder: RegExp, forbidden: ReadonlySet<string>): string[] {
  return project.files(folder).flatMap((file) => {
    const used = [...file.namesUsed].filter((name) => forbidden.has(name))
    return used.map((name) => `${file.path} uses ${name}`)
  })
}

/** Where what goes to a terminal is made harmless, or only looked at; the demo prints its own figures. */
const printers = /^src\/cli\/(?:print|say|progress-line|main|resequence|demo|demo\/.*)\.ts$/
const outputs = new Set(['console', 'process.stdout', 'process.stderr'])

export const purityLaws: readonly Law[] = [
  {
    name: 'core imports nothing but core: no node: module, no package',
    broken: (project) =>
      project.files(/^src\/core\/.*\.ts$/).flatMap((file) => {
        const foreign = file.imports.filter(({ from }) => !from.startsWith('.'))
        return foreign.map(({ from }) => `${file.path} imports ${from}`)
      }),
    example: { 'src/core/digest.ts': "import { createHash } from 'node:crypto'" },
  },
  {
    name: 'core touches no clock, chance, timer, process or console',
    broken: (project) => uses(project, /^src\/core\/.*\.ts$/, notInCore),
    example: { 'src/core/now.ts': 'export const now = () => Date.now()' },
  },
  {
    name: 'the engine takes time and chance only through its ports',
    broken: (project) => [
      ...uses(project, /^src\/engine\/.*\.ts$/, notInEngine),
      ...project
        .files(/^src\/engine\/.*\.ts$/)
        .filter((file) => file.imports.some(({ from }) => from.startsWith('node:timers')))
        .map((file) => `${file.path} imports timers`),
    ],
    example: { 'src/engine/retry.ts': 'export const wait = () => setTimeout(retry, Math.random())' },
  },
  {
    name: 'a command prints through print.ts and say.ts alone',
    broken: (project) =>
      project
        .files(/^src\/cli\/.*\.ts$/)
        .filter(({ path }) => !printers.test(path))
        .flatMap((file) => {
          const used = [...file.namesUsed].filter((name) => outputs.has(name))
          return used.map((name) => `${file.path} uses ${name}`)
        }),
    example: { 'src/cli/status.ts': "export const say = () => process.stderr.write('x')" },
  },
]

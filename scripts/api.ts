// Keeps the committed reports in api/ equal to the public declarations. Without `--write` it compares and
// fails when they differ, so that no change of the public API goes unseen; with `--write` it rewrites them.
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import packageJson from '../package.json' with { type: 'json' }
import { reportsOf } from './api/report.ts'
import type { Entry } from './api/report.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, 'api')

function emitDeclarations(outDir: string): void {
  const tsc = join(root, 'node_modules', '.bin', 'tsc')
  const options = ['-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--declarationMap', 'false']
  const { status } = spawnSync(tsc, [...options, '--outDir', outDir], { cwd: root, stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}

function entriesIn(outDir: string): Entry[] {
  return Object.entries(packageJson.exports).flatMap(([path, target]) => {
    if (target === null || typeof target === 'string') return []
    const types = target.types.replace('./dist/', '')
    const [prefix = '', suffix = ''] = types.split('*')
    return globSync(types, { cwd: outDir }).map((file) => ({
      name: `inturn${path.slice(1).replace('*', file.slice(prefix.length, -suffix.length))}`,
      file: join(outDir, file),
    }))
  })
}

function fileOf(name: string): string {
  return join(folder, `${name.replaceAll('/', '-')}.txt`)
}

const outDir = mkdtempSync(join(tmpdir(), 'inturn-api-'))
emitDeclarations(outDir)
const reports = reportsOf(entriesIn(outDir))
rmSync(outDir, { recursive: true })

const present = globSync('*.txt', { cwd: folder }).map((file) => join(folder, file))
const orphans = present.filter((file) => ![...reports.keys()].some((name) => fileOf(name) === file))
const changed = [...reports].filter(
  ([name, text]) => !existsSync(fileOf(name)) || readFileSync(fileOf(name), 'utf8') !== text,
)

if (process.argv.includes('--write')) {
  mkdirSync(folder, { recursive: true })
  for (const file of orphans) rmSync(file)
  for (const [name, text] of changed) writeFileSync(fileOf(name), text)
} else if (orphans.length + changed.length > 0) {
  for (const [name] of changed) console.error(`The public API of ${name} is not what api/ says.`)
  for (const file of orphans) console.error(`${file} reports an entry that is gone.`)
  console.error('If the change is meant, run `npm run api` and commit the reports.')
  process.exitCode = 1
}

// Packs the built package as it would be published and installs it in a folder of its own, far from this
// project's node_modules, as a user would.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

export const root: string = fileURLToPath(new URL('../..', import.meta.url))

/** What a program did: its exit code and everything that it printed. */
interface Outcome {
  readonly code: number
  readonly output: string
}

export interface PackedPackage {
  readonly tarball: string
  /** Where it is installed. */
  readonly folder: string
  /** Runs a program in the folder into which the package is installed. */
  run(command: string, args: readonly string[]): Promise<Outcome>
  [Symbol.asyncDispose](): Promise<void>
}

/** Runs one of this project's own tools, or any program when given a path. */
export async function outcomeOf(command: string, args: readonly string[], cwd: string): Promise<Outcome> {
  try {
    const { stdout, stderr } = await run(command, args, { cwd, maxBuffer: 1 << 26 })
    return { code: 0, output: stdout + stderr }
  } catch (error) {
    if (!(error instanceof Error && 'stdout' in error && 'stderr' in error)) throw error
    const code = 'code' in error && typeof error.code === 'number' ? error.code : 1
    return { code, output: `${String(error.stdout)}${String(error.stderr)}` }
  }
}

async function mustRun(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, output } = await outcomeOf(command, args, cwd)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`)
  return output
}

/** Packs dist/ as it is (`npm test` builds it first) and installs it with its dependencies. */
export async function packAndInstall(): Promise<PackedPackage> {
  const folder = await mkdtemp(join(tmpdir(), 'inturn-package-'))
  await mustRun('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], root)
  await writeFile(join(folder, 'package.json'), '{ "name": "user", "private": true, "type": "module" }')
  const tarball = join(folder, 'inturn-0.1.0.tgz')
  const quiet = ['--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts']
  await mustRun('npm', ['install', ...quiet, tarball], folder)
  return {
    tarball,
    folder,
    run: (command, args) => outcomeOf(command, args, folder),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

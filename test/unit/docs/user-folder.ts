// A folder as a user has it: outside of the project, with inturn in its node_modules. What is installed there
// are the sources themselves, so that nothing has to be built first.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './marked-code.ts'

const entries = {
  '.': './src/index.ts',
  './audit': './src/audit.ts',
  './operate': './src/operate/index.ts',
  './producer': './src/producer/index.ts',
  './stores/*': './src/stores/*.ts',
  './testing': './src/testing/index.ts',
  './transports/*': './src/transports/*.ts',
  './package.json': './package.json',
}

const cli = join(root, 'src', 'cli', 'main.ts')

/** How a program ended. */
export interface Ended {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** A temporary folder in which `inturn` can be imported; it is removed when it is disposed of. */
export class UserFolder implements Disposable {
  readonly path: string

  constructor() {
    this.path = mkdtempSync(join(tmpdir(), 'inturn-user-'))
    const installed = join(this.path, 'node_modules', 'inturn')
    mkdirSync(installed, { recursive: true })
    symlinkSync(join(root, 'src'), join(installed, 'src'), 'junction')
    const bin = { inturn: './src/cli/main.ts' }
    const manifest = { name: 'inturn', type: 'module', bin, exports: entries }
    writeFileSync(join(installed, 'package.json'), JSON.stringify(manifest))
    writeFileSync(join(this.path, 'package.json'), '{ "type": "module" }')
  }

  /** Runs node here. */
  node(...args: readonly string[]): Promise<Ended> {
    const env = { ...process.env, NO_COLOR: '1' }
    return new Promise((resolve) => {
      const child = execFile(process.execPath, args, { cwd: this.path, env }, (_error, stdout, stderr) =>
        resolve({ exitCode: child.exitCode ?? -1, stdout, stderr }),
      )
    })
  }

  /** Runs the command line here. */
  inturn(...args: readonly string[]): Promise<Ended> {
    return this.node(cli, ...args)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

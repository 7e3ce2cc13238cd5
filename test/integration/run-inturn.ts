// Runs the command line as a user does: in a process and a folder of its own, from the sources.
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const main = join(root, 'src', 'cli', 'main.ts')

/** What a command came to. */
export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A command that runs. */
export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ran>
  /** What it has said on standard error so far. */
  stderr(): string
}

/** Starts a command. */
export function startInturn(cwd: string, ...args: readonly string[]): Running {
  return start(cwd, process.execPath, [main, ...args])
}

/** Runs a line that begins with `inturn` as a shell takes it. */
export function pasteLine(cwd: string, line: string): Promise<Ran> {
  const words = line.replace(/^inturn /, '"$@" ')
  return start(cwd, 'sh', ['-c', words, 'sh', process.execPath, main]).ended
}

function start(cwd: string, program: string, args: readonly string[]): Running {
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const text = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => void (text.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => void (text.stderr += chunk.toString()))
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, ...text }))
  })
  return { child, ended, stderr: () => text.stderr }
}

/** Runs a command to its end. */
export function inturn(cwd: string, ...args: readonly string[]): Promise<Ran> {
  return startInturn(cwd, ...args).ended
}

/** A folder for one test. */
export interface TestFolder {
  readonly path: string
  write(name: string, text: string | Uint8Array): string
  remove(): void
}

/** Makes a folder. */
export function testFolder(): TestFolder {
  const path = mkdtempSync(join(tmpdir(), 'inturn-test-'))
  return {
    path,
    write: (name, text) => {
      writeFileSync(join(path, name), text)
      return join(path, name)
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  }
}

/** The address of a source file, for a configuration outside of the project. */
export function sourceUrl(path: string): string {
  return JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href)
}

// The whole project as the laws see it: every file that git tracks or would track, or a made-up one.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SourceFile } from './source-file.ts'

/** What the laws read of package.json. */
export interface PackageJson {
  readonly exports?: Record<string, unknown>
  readonly dependencies?: Record<string, string>
  readonly peerDependencies?: Record<string, string>
  readonly peerDependenciesMeta?: Record<string, { readonly optional?: boolean }>
}

/** A law: `broken` lists each breach of it, and `example` is a made-up project that breaks it. */
export interface Law {
  readonly name: string
  readonly broken: (project: Project) => string[]
  readonly example: Readonly<Record<string, string>>
}

export class Project {
  readonly #read: (path: string) => string
  readonly #files = new Map<string, SourceFile>()
  readonly paths: readonly string[]

  constructor(paths: readonly string[], read: (path: string) => string) {
    this.paths = paths
    this.#read = read
  }

  has(path: string): boolean {
    return this.paths.includes(path)
  }

  /** The text of a file, empty if there is no such file. */
  text(path: string): string {
    return this.has(path) ? this.file(path).text : ''
  }

  file(path: string): SourceFile {
    const known = this.#files.get(path) ?? new SourceFile(path, this.#read(path))
    this.#files.set(path, known)
    return known
  }

  /** The files whose path matches. */
  files(pattern: RegExp): SourceFile[] {
    return this.paths.filter((path) => pattern.test(path)).map((path) => this.file(path))
  }

  get packageJson(): PackageJson {
    return JSON.parse(this.text('package.json') || '{}') as PackageJson
  }
}

export const typeScriptFiles: RegExp = /^(?:(?:src|test|bench|examples|scripts|console)\/.*|[^/]+)\.ts$/
export const codeFiles: RegExp = /^(?:(?:src|test|bench|examples|scripts|console)\/.*|[^/]+)\.(?:ts|lua)$/

/** This project, as it is on disk. */
export function thisProject(): Project {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
  const paths = [...new Set(listed.split('\0'))].filter((path) => path !== '' && existsSync(join(root, path)))
  return new Project(paths, (path) => readFileSync(join(root, path), 'utf8'))
}

/** A made-up project, given as path to text. */
export function projectOf(files: Readonly<Record<string, string>>): Project {
  return new Project(Object.keys(files), (path) => files[path] ?? '')
}

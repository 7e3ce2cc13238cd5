// Installs the servers that the tests need and start by themselves, where they are missing: from the
// distribution's packages, as root or through sudo.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'

interface Service {
  readonly command: string
  readonly aptPackage: string
}

const services: readonly Service[] = [
  { command: 'redis-server', aptPackage: 'redis-server' },
  { command: 'postgres', aptPackage: 'postgresql' },
]

/** Debian keeps the programs of each version of Postgres in a folder of its own, outside of the path. */
const versions = '/usr/lib/postgresql'

function isThere({ command }: Service): boolean {
  const folders = existsSync(versions) ? readdirSync(versions).map((name) => `${versions}/${name}/bin/`) : []
  return ['', ...folders].some((folder) => spawnSync(`${folder}${command}`, ['--version']).status === 0)
}

/** Runs a command of the package manager; says whether it succeeded. */
function apt(...args: string[]): boolean {
  const sudo = process.getuid?.() === 0 ? [] : ['sudo']
  const [command = '', ...rest] = [...sudo, 'apt-get', ...args]
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync(command, rest, { stdio: 'inherit', env }).status === 0
}

function install(missing: readonly Service[]): boolean {
  const args = ['install', '-y', '--no-install-recommends', ...missing.map(({ aptPackage }) => aptPackage)]
  return apt(...args) || (apt('update') && apt(...args))
}

const missing = services.filter((service) => !isThere(service))
const names = missing.map(({ command }) => command).join(', ')
if (missing.length === 0) {
  console.log('all services are there')
} else if (!install(missing) || !missing.every(isThere)) {
  console.error(`these could not be installed; install them by hand: ${names}`)
  process.exitCode = 1
}

// Installs the servers that the tests need and start by themselves, where they are missing: from the
// distribution's packages, as root or through sudo. Kafka is none of these: its jars come from Maven Central
// into a folder of the user's cache, with an archive of their classes that halves the time of every start.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, renameSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { kafkaJars, makeKafkaArchive } from '../test/services/kafka-server.ts'

interface Service {
  readonly command: string
  readonly aptPackage: string
  /** What makes it say its version, where that is not `--version`. */
  readonly asks?: string
}

const services: readonly Service[] = [
  { command: 'redis-server', aptPackage: 'redis-server' },
  { command: 'postgres', aptPackage: 'postgresql' },
  { command: 'pgbouncer', aptPackage: 'pgbouncer' },
  { command: 'java', aptPackage: 'default-jre-headless' },
  { command: 'mvn', aptPackage: 'maven' },
  { command: 'kcat', aptPackage: 'kcat', asks: '-V' },
  { command: 'prometheus', aptPackage: 'prometheus' },
  { command: 'openssl', aptPackage: 'openssl', asks: 'version' },
]

/** Debian keeps some programs outside of the path, each version of Postgres in a folder of its own. */
const versions = '/usr/lib/postgresql'

function isThere({ command, asks = '--version' }: Service): boolean {
  const folders = existsSync(versions) ? readdirSync(versions).map((name) => `${versions}/${name}/bin/`) : []
  return ['', '/usr/sbin/', ...folders].some(
    (folder) => spawnSync(`${folder}${command}`, [asks]).status === 0,
  )
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

/** Fetches the jars of the broker, as far as they are not there. */
function fetchKafka(): boolean {
  if (existsSync(kafkaJars)) return true
  const pom = fileURLToPath(new URL('../test/services/kafka.pom.xml', import.meta.url))
  // Into a folder beside it, so that a fetch that was cut short is not taken for a whole one.
  const partly = `${kafkaJars}.partly`
  const copy = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${partly}`]
  if (spawnSync('mvn', ['-q', '-B', '-f', pom, ...copy], { stdio: 'inherit' }).status !== 0) return false
  renameSync(partly, kafkaJars)
  return true
}

const missing = services.filter((service) => !isThere(service))
const names = missing.map(({ command }) => command).join(', ')
if (missing.length > 0 && !(install(missing) && missing.every(isThere))) {
  console.error(`these could not be installed; install them by hand: ${names}`)
  process.exitCode = 1
} else if (!fetchKafka()) {
  console.error('the jars of Kafka could not be fetched from Maven Central')
  process.exitCode = 1
} else {
  await makeKafkaArchive()
  console.log('all services are there')
}

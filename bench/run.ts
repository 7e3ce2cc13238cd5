// Runs every bench, or those that are named: `npm run bench -- sqlite audit`.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const all = [
  'calls',
  'core',
  'memory',
  'sqlite',
  'telemetry',
  'audit',
  'event-log',
  'snowflake',
  'verify',
  'redis',
  'postgres',
  'kafka',
]
const wanted = process.argv.slice(2)

for (const name of wanted.length === 0 ? all : wanted) {
  const bench = fileURLToPath(new URL(`${name}.ts`, import.meta.url))
  const { status } = spawnSync(process.execPath, [bench], { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}

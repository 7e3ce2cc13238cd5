// Everything that must hold before a change is shared, short of the tests: format, lint, types, dead code,
// the public API reports and the laws of the house. All steps run, two at a time, and every complaint is
// printed.
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

interface Step {
  readonly name: string
  readonly command: string
}

const root = fileURLToPath(new URL('..', import.meta.url))
const path = `${join(root, 'node_modules', '.bin')}${delimiter}${process.env['PATH'] ?? ''}`

const steps: readonly Step[] = [
  { name: 'laws', command: 'vitest run test/tidy.test.ts --reporter=dot' },
  { name: 'types', command: 'tsc --noEmit && tsc --noEmit -p examples' },
  { name: 'lint', command: 'oxlint' },
  { name: 'format', command: 'oxfmt --check' },
  { name: 'dead code', command: 'knip' },
  { name: 'public api', command: 'node scripts/api.ts' },
]

async function run({ name, command }: Step): Promise<boolean> {
  const started = performance.now()
  const child = spawn(command, { cwd: root, shell: true, env: { ...process.env, PATH: path, NO_COLOR: '1' } })
  const output: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${command}, ${seconds} s)`)
  if (code !== 0) process.stdout.write(Buffer.concat(output))
  return code === 0
}

const waiting = [...steps]
const results: boolean[] = []

async function runWaiting(): Promise<void> {
  for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
    results.push(await run(step))
  }
}

await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, runWaiting))
process.exitCode = results.every(Boolean) ? 0 : 1

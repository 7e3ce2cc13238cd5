// `npm run soak`: what `npm test` does in a few rounds, in hundreds, and from seeds that no run has had, a
// night long. Where a round harms servers, and takes minutes, there is one for ten others. Ends with 1 if
// anything failed; the seeds that failed are printed.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    seeds: { type: 'string', default: '5000' },
  },
})

const root = fileURLToPath(new URL('..', import.meta.url))
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url))

async function run(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<boolean> {
  const started = performance.now()
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: 'inherit',
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const minutes = ((performance.now() - started) / 60_000).toFixed(1)
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${minutes} min)`)
  return code === 0
}

/** Where the scale-out is noted, second by second. */
const notes = join(root, 'soak')
const from = Math.floor(Math.random() * 1e9)
const harms = ['kafka-cluster', 'postgres-servers', 'redis-servers'].map(
  (name) => `test/faults/${name}.test.ts`,
)
const harmRounds = `${Math.ceil(Number(values.rounds) / 10)}`
const results = [
  await run(
    `faults, ${values.rounds} rounds`,
    [vitest, 'run', 'test/faults', ...harms.flatMap((file) => ['--exclude', file])],
    { INTURN_SOAK_ROUNDS: values.rounds, INTURN_SCALE_OUT_NOTES: notes },
  ),
  await run(`harmed servers, ${harmRounds} rounds`, [vitest, 'run', ...harms], {
    INTURN_SOAK_ROUNDS: harmRounds,
  }),
  await run(
    'picture of the scale-out',
    ['scripts/draw-scale-out.ts', notes, join(notes, 'scale-out.svg')],
    {},
  ),
  await run('properties, from a random seed', [vitest, 'run', 'test/unit/core', 'test/unit/engine'], {
    INTURN_TEST_SEED: 'random',
  }),
  await run(
    `simulator, ${values.seeds} seeds from ${from}`,
    ['scripts/sim.ts', '--seeds', values.seeds, '--from', `${from}`],
    {},
  ),
  await run(
    `simulator with operators, ${values.seeds} seeds from ${from}`,
    ['scripts/sim.ts', '--operators', '--seeds', values.seeds, '--from', `${from}`],
    {},
  ),
  await run(
    `simulator from the log on, ${values.seeds} seeds from ${from}`,
    ['scripts/sim.ts', '--producers', '--seeds', values.seeds, '--from', `${from}`],
    {},
  ),
]
if (results.includes(false)) process.exitCode = 1

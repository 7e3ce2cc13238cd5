// Runs the simulator: `npm run sim -- --seeds 10000` for many seeds, `--from` for where to begin, `--seed
// 42` for the trace of one. `--producers`: the whole way of an event, from the log on; `--operators`: while
// operators act on streams; `--crowded`: transactions that are full and side by side. Ends with 1 if a seed
// breaks an invariant.
import { parseArgs } from 'node:util'
import { simulateCrowded } from '../test/simulation/crowded.ts'
import { simulateProducers, traceOfProducers } from '../test/simulation/producers/simulate-producers.ts'
import { simulateOperators } from '../test/simulation/simulate-operators.ts'
import { simulate } from '../test/simulation/simulate.ts'
import { traceOf } from '../test/simulation/trace.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    lines: { type: 'string', default: '200' },
    producers: { type: 'boolean', default: false },
    operators: { type: 'boolean', default: false },
    crowded: { type: 'boolean', default: false },
  },
})

/** What a seed has shown. */
interface Shown {
  readonly isBroken: boolean
  readonly trace: (linesMax: number) => string
}

const show = values.producers ? showProducers : showWorkers
if (values.seed === undefined) await runMany(Number(values.from), Number(values.seeds))
else await runOne(Number(values.seed), Number(values.lines))

async function showWorkers(seed: number): Promise<Shown> {
  const simulated = await (values.operators
    ? simulateOperators(seed)
    : values.crowded
      ? simulateCrowded(seed)
      : simulate(seed))
  if (simulated === undefined) return { isBroken: false, trace: () => 'nobody sweeps: no operator acts' }
  return { isBroken: simulated.breaches.length > 0, trace: (linesMax) => traceOf(simulated, linesMax) }
}

async function showProducers(seed: number): Promise<Shown> {
  const simulated = await simulateProducers(seed)
  const trace = (linesMax: number): string => traceOfProducers(simulated, linesMax)
  return { isBroken: simulated.breaches.length > 0, trace }
}

async function runOne(seed: number, lines: number): Promise<void> {
  const { isBroken, trace } = await show(seed)
  console.log(trace(lines))
  if (isBroken) process.exitCode = 1
}

async function runMany(from: number, count: number): Promise<void> {
  const started = performance.now()
  let failed = 0
  for (let seed = from; seed < from + count; seed++) {
    const { isBroken, trace } = await show(seed)
    if (isBroken) {
      failed++
      console.log(trace(failed > 3 ? 0 : 60))
    }
    if (process.stderr.isTTY) process.stderr.write(`\r${seed - from + 1} of ${count}, ${failed} failed`)
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${count} seeds from ${from}: ${failed} broke an invariant (${seconds} s)`)
  if (failed > 0) process.exitCode = 1
}

// A real Prometheus for tests: on a free port of this machine, with a data folder of its own, and gone when
// the test process is, however that ends.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './redis-server.ts'

/** What an expression comes to for one series. */
interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A Prometheus that runs. */
export interface PrometheusServer {
  /** What an expression comes to now. */
  query(expression: string): Promise<readonly Sample[]>
  stop(): Promise<void>
}

/** What its interface for queries answers. */
interface Answer {
  readonly data?: {
    readonly result: readonly {
      readonly metric: Sample['labels']
      readonly value: readonly [number, string]
    }[]
  }
}

/** What it watches. */
export interface PrometheusOptions {
  /** Where the metrics are: `127.0.0.1:9464`. */
  readonly target: string
  /** The alert rules, as their file has them. */
  readonly rules: string
  readonly everyMs: number
}

/** The server is the shell's child, which ends it when its input ends: with the test, or at `stop`. */
const guard = `
  trap '' INT TERM
  prometheus "$@" >"$DATA/log" 2>&1 &
  server=$!
  read -r _
  kill -KILL "$server" 2>/dev/null
  wait "$server"
  rm -rf "$DATA"
`

/** Checks something with `promtool`, and gives what it said. A tool that is missing fails the tests. */
export function promtool(
  args: readonly string[],
  input = '',
): { readonly code: number; readonly said: string } {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { input, encoding: 'utf8' })
  if (error !== undefined)
    throw new Error('these tests need Prometheus: run npm run services', { cause: error })
  return { code: status ?? 1, said: stdout + stderr }
}

/** Starts a server that scrapes one target. */
export async function startPrometheus({
  target,
  rules,
  everyMs,
}: PrometheusOptions): Promise<PrometheusServer> {
  const data = mkdtempSync(join(tmpdir(), 'inturn-prometheus-'))
  const every = `${everyMs}ms`
  const config = {
    global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
    rule_files: ['rules.yml'],
    scrape_configs: [{ job_name: 'inturn', static_configs: [{ targets: [target] }] }],
  }
  // JSON is YAML.
  writeFileSync(join(data, 'config.yml'), JSON.stringify(config))
  writeFileSync(join(data, 'rules.yml'), rules)
  const url = `127.0.0.1:${await freePort()}`
  const paths = [`--config.file=${data}/config.yml`, `--storage.tsdb.path=${data}/tsdb`]
  const args = ['-c', guard, 'guard', ...paths, `--web.listen-address=${url}`]
  const shell = spawn('sh', args, {
    env: { ...process.env, DATA: data },
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const get = async (path: string): Promise<string> => (await fetch(`http://${url}${path}`)).text()
  const isUp = async (): Promise<boolean> => (await get('/-/ready').catch(() => '')).includes('is Ready')
  for (let left = 200; !(await isUp()); left--) {
    if (left === 0) throw new Error(`Prometheus did not start:\n${readFileSync(join(data, 'log'), 'utf8')}`)
    await sleep(50)
  }
  const query = async (expression: string): Promise<readonly Sample[]> => {
    const text = await get(`/api/v1/query?${new URLSearchParams({ query: expression }).toString()}`)
    const answer = JSON.parse(text) as Answer
    if (answer.data === undefined) throw new Error(`${expression}: ${text}`)
    return answer.data.result.map(({ metric, value: [, value] }) => ({
      labels: metric,
      value: Number(value),
    }))
  }
  return {
    query,
    stop: async () => {
      const ended = once(shell, 'exit')
      shell.stdin.end()
      await ended
    },
  }
}

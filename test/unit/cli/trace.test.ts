// The command around the replay: flags, their errors, output that is closed early.
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))

interface Outcome {
  readonly code: number | null
  readonly out: string
  readonly problem: string
}

/** Runs the command in a process of its own; `closeEarly` hangs up after the first output. */
async function run(
  flags: readonly string[],
  options: { input?: string; closeEarly?: boolean } = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [main, 'trace', ...flags])
  let [out, problem] = ['', '']
  child.stdout.on('data', (bytes: Buffer) => {
    out += bytes.toString()
    if (options.closeEarly === true) child.stdout.destroy()
  })
  child.stderr.on('data', (bytes: Buffer) => (problem += bytes.toString()))
  child.stdin.end(options.input ?? '')
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, out, problem }
}

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inturn-trace-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})

const fields = ['--stream', 's', '--sequence', 'n']

describe('inturn trace', () => {
  test('reads standard input and prints a line for each', async () => {
    const input = '{"s":"a","n":2,"t":0}\n{"s":"a","n":5,"t":"1970-01-01T00:01:00Z"}\n'
    const { code, out } = await run(
      ['-', ...fields, '--arrival', 't', '--patience', '1m', '--then', 'skip'],
      { input },
    )
    expect(out.split('\n')).toEqual([
      '{"line":1,"stream":"a","epoch":0,"sequence":2,"verdict":"hold"}',
      '{"verdict":"lost","stream":"a","epoch":0,"from":1,"to":1,"at":60000}',
      '{"line":1,"stream":"a","epoch":0,"sequence":2,"verdict":"deliver"}',
      '{"line":2,"stream":"a","epoch":0,"sequence":5,"verdict":"hold"}',
      '{"verdict":"open","stream":"a","from":3,"to":4,"held":1}',
      '',
    ])
    expect(code).toBe(0)
  })

  test('reads CSV by its extension, several fields as one stream, and every limit', async () => {
    const file = join(folder, 'log.csv')
    await writeFile(
      file,
      'x,y,n,e,id\na/b,c,0,0,p\na/b,c,0,0,q\na/b,c,2,0,r\na/b,c,3,0,r\na/b,c,9,0,s\na/b,c,1,x,s\n',
    )
    const flags = ['--stream', 'x,y', '--sequence', 'n', '--epoch', 'e', '--id', 'id', '--start', '0']
    const { out } = await run([file, ...flags, '--held-max', '1', '--span-max', '5'])
    const said = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(said.map(({ verdict }) => verdict)).toEqual([
      'deliver',
      'conflict',
      'hold',
      'refuse',
      'implausible',
      'invalid',
      'open',
    ])
    expect(said[0]).toEqual({ line: 2, stream: 'a%2Fb/c', epoch: 0, sequence: 0, verdict: 'deliver' })
  })

  test('ends quietly, with 0, when nobody reads on', async () => {
    const file = join(folder, 'long.ndjson')
    await writeFile(
      file,
      Array.from({ length: 200_000 }, (_, index) => `{"s":"a","n":${index + 1}}\n`).join(''),
    )
    const { code, problem } = await run([file, ...fields], { closeEarly: true })
    expect(problem).toBe('')
    expect(code).toBe(0)
  })

  test.each([
    [['--start', 'x'], '--start takes a whole number or first-seen, not x'],
    [['--start', '1.5'], '--start takes'],
    [['--patience', 'soon'], '--patience takes milliseconds or a duration'],
    [['--held-max', '-1'], '--held-max takes a whole number from 0'],
    [['--span-max', '0'], '--span-max takes a whole number from 1'],
    [['--modulus', '8', '--start', '8'], 'start 8 must lie from 0 to below modulus 8'],
    [['--previous', 'p'], '--previous goes with --numbering linked only'],
    [['--then', 'maybe'], 'Allowed choices are wait, skip, halt'],
    [['--unheard-of'], 'unknown option'],
    [['--numbering', 'increasing', '--start', '1'], '--start goes with --numbering contiguous only'],
  ])('%j is wrong usage', async (flags, message) => {
    const { code, problem, out } = await run(['-', ...fields, ...flags])
    expect(problem).toContain(message)
    expect([code, out]).toEqual([2, ''])
  })

  test('a file that cannot be read is said to be unreadable', async () => {
    const { code, problem } = await run([join(folder, 'nothing'), ...fields])
    expect(problem).toContain('nothing: there is no such file')
    expect(code).toBe(2)
  })
})

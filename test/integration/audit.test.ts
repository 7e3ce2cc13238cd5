// `inturn audit` and `inturn resequence` as processes: what they print, how they exit, what they leave
// behind.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'inturn-test-'))
const spill = join(folder, 'spill')
mkdirSync(spill)
afterAll(() => rmSync(folder, { recursive: true }))

interface Outcome {
  readonly code: number | null
  readonly out: string
  readonly said: string
}

function start(...args: readonly string[]): { child: ChildProcess; ended: Promise<Outcome> } {
  const child = spawn(process.execPath, [main, ...args], {
    cwd: folder,
    env: { ...process.env, TMPDIR: spill, NO_COLOR: '1' },
  })
  child.stdin.on('error', () => undefined)
  const text = { out: '', said: '' }
  child.stdout.on('data', (chunk: Buffer) => void (text.out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => void (text.said += chunk.toString()))
  const ended = new Promise<Outcome>((resolve) => child.once('close', (code) => resolve({ code, ...text })))
  return { child, ended }
}

async function inturn(...args: readonly string[]): Promise<Outcome> {
  const { child, ended } = start(...args)
  child.stdin?.end()
  return ended
}

function write(name: string, lines: readonly string[]): string {
  writeFileSync(join(folder, name), lines.map((line) => `${line}\n`).join(''))
  return name
}

const clean = write('clean.ndjson', ['{"stream":"a","sequence":4}', '{"stream":"a","sequence":5}'])
const bad = write('bad.ndjson', [
  '{"stream":"a","sequence":3}',
  '{"stream":"<b>","sequence":1}',
  '{"stream":"a","sequence":1}',
  '{"stream":"a","sequence":1}',
  'not json',
  '{"stream":"a","sequence":6,"fill":{"from":4,"to":4}}',
  '{"stream":"a","sequence":6}',
])

describe('inturn audit', () => {
  it('a clean log: exit 0, and says so', async () => {
    const { code, out, said } = await inturn('audit', clean)
    expect([code, said]).toEqual([0, ''])
    expect(out).toContain('clean.ndjson is clean')
  })

  it('a log with trouble: exit 1, and the documented keys', async () => {
    const { code, out } = await inturn('audit', bad, '--json')
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({
      events: 7,
      streams: 2,
      unique: 4,
      duplicates: 1,
      conflicts: 0,
      invalid: 1,
      fills: 1,
      filled: 1,
      missing: 2,
      outOfOrder: 1,
      reorderExtentMax: 1,
      clean: false,
      gaps: [
        { stream: 'a', epoch: 0, from: 2, to: 2 },
        { stream: 'a', epoch: 0, from: 5, to: 5 },
      ],
      invalidLines: [{ line: 5, reason: 'not-json' }],
    })
  })

  it('integers beyond 2^53 are printed in full', async () => {
    const log = write('big.ndjson', [
      '{"stream":"a","sequence":2,"previous":null}',
      '{"stream":"a","sequence":99999999999999999999,"previous":99999999999999999998}',
    ])
    const { out } = await inturn('audit', log, '--numbering', 'linked', '--json')
    expect(out).toContain('{"stream":"a","epoch":0,"from":3,"to":99999999999999999998}')
  })

  it('standard input, and a start from which numbers are expected', async () => {
    const { child, ended } = start('audit', '-', '--start', '1', '--json')
    child.stdin?.end(readFileSync(join(folder, clean)))
    const { code, out } = await ended
    expect([code, JSON.parse(out)]).toMatchObject([1, { missing: 3, gaps: [{ from: 1, to: 3 }] }])
  })

  it('the page holds the figures, and nothing of the log as markup', async () => {
    const { code } = await inturn('audit', bad, '--html', 'page.html')
    const page = readFileSync(join(folder, 'page.html'), 'utf8')
    expect(code).toBe(1)
    expect(page).toContain('Not clean')
    expect(page).not.toContain('<b>')
    expect(page).not.toMatch(/https?:|<script|<link|<img|@import|url\(/)
  })

  it('wrong usage and unreadable input: exit 2 and one line that says what to do', async () => {
    const cases: [string[], RegExp][] = [
      [['audit', 'nowhere.ndjson'], /no such file/],
      [['audit', '.'], /is a directory/],
      [['audit', clean, '--start', 'x'], /--start takes/],
      [['audit', clean, '--modulus', '1'], /--modulus takes/],
      [['audit', clean, '--memory', '0'], /--memory/],
      [['audit', clean, '--numbering', 'linked', '--modulus', '256'], /--modulus goes with/],
      [['audit', clean, '--sequence', 'a..b'], /path names a field/],
      [['audit', clean, '--html', clean], /overwrite the log itself/],
      [['audit', clean, '--gasp', '1'], /Did you mean --gaps/],
    ]
    for (const [args, message] of cases) {
      const { code, out, said } = await inturn(...args)
      expect([args, code, out]).toEqual([args, 2, ''])
      expect(said).toMatch(message)
      expect(said).not.toMatch(/^\s+at /m)
    }
    expect(readFileSync(join(folder, clean), 'utf8')).toContain('sequence')
  })
})

describe('inturn resequence', () => {
  it('writes to standard output, sums up on standard error', async () => {
    const { code, out, said } = await inturn('resequence', bad, '--rejects', 'rejects.txt')
    expect([code, out.split('\n')[0]]).toEqual([0, '{"stream":"a","sequence":1}'])
    expect(said).toMatch(/5 lines of 2 streams in order; 1 duplicates removed; .* in rejects.txt/)
    expect(readFileSync(join(folder, 'rejects.txt'), 'utf8')).toBe('not json\n')
  })

  it('takes - for standard output where there are lines, and else for no file', async () => {
    const plain = await inturn('resequence', clean)
    expect(await inturn('resequence', clean, '--output', '-')).toEqual(plain)
    for (const args of [
      ['resequence', clean, '--rejects', '-'],
      ['audit', clean, '--html', '-'],
    ]) {
      const { code, said } = await inturn(...args)
      expect([code, said]).toEqual([2, expect.stringMatching(/Cannot write -: .* is a file; .\/- is one/)])
    }
    expect(readdirSync(folder)).not.toContain('-')
  })

  it('never overwrites what it reads', async () => {
    const { code, said } = await inturn('resequence', clean, '-o', `./${clean}`)
    expect([code, said]).toEqual([
      2,
      `inturn: Cannot write ./${clean}: the output would overwrite the log itself\n`,
    ])
  })

  it('a reader that leaves early is no failure', async () => {
    const log = write(
      'long.ndjson',
      Array.from({ length: 60_000 }, (_, n) => `{"stream":"a","sequence":${n}}`),
    )
    const { child, ended } = start('resequence', log)
    child.stdout?.once('data', () => child.stdout?.destroy())
    expect(await ended).toMatchObject({ code: 0 })
  })

  it('an interrupt leaves no temporary files', async () => {
    const { child, ended } = start('resequence', '-', '--memory', '1')
    const line = (n: number): string => `{"stream":"a","sequence":${n},"data":"${'x'.repeat(200)}"}\n`
    for (let n = 0; n < 60_000; n++) child.stdin?.write(line(n))
    while (readdirSync(spill).length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    child.kill('SIGINT')
    await ended
    expect(readdirSync(spill)).toEqual([])
  })
})

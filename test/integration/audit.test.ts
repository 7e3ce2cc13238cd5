// `inturn audit` and `inturn resequence` as processes: what they print, how they exit, what they leave
// behind.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { hash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
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

  it('--conflicts lists both events by line and id; without it the keys are as ever', async () => {
    const log = write('conflicts.ndjson', [
      '{"stream":"a","sequence":1,"id":"first"}',
      '{"stream":"a","sequence":1,"id":"second"}',
      '{"stream":"a","fill":{"from":2,"to":3}}',
      '{"stream":"a","sequence":3}',
    ])
    const plain = await inturn('audit', log, '--id', 'id', '--json')
    const listed = await inturn('audit', log, '--id', 'id', '--json', '--conflicts')
    const conflictLines = [
      { stream: 'a', epoch: 0, sequence: 1, line: 2, id: 'second', first: { line: 1, id: 'first' } },
      { stream: 'a', epoch: 0, sequence: 3, line: 4, first: { line: 3, fill: true } },
    ]
    expect(plain.out).not.toContain('conflictLines')
    expect(JSON.parse(listed.out)).toEqual({ ...JSON.parse(plain.out), conflictLines })
    const { out } = await inturn('audit', log, '--id', 'id', '--conflicts')
    expect(out).toMatch(/^a +0 +1 +1 +first +2 +second$/m)
    expect(out).toMatch(/^a +0 +3 +3 +a fill +4 +-$/m)
  })

  it('the page holds the figures, and says of what and how it was made', async () => {
    const { code } = await inturn('audit', bad, '--html', 'page.html', '--start', '1')
    const page = readFileSync(join(folder, 'page.html'), 'utf8')
    expect(code).toBe(1)
    expect(page).toContain('Not clean')
    expect(page).toContain(hash('sha256', readFileSync(join(folder, bad))))
    expect(page).toContain('inturn audit bad.ndjson --html page.html --start 1')
    expect(page).toMatch(/20\d\d-\d\d-\d\dT.*, by inturn \d+\.\d+\.\d+/)
  })

  it('the digest on the page is that of the file, packed as it is', async () => {
    const packed = gzipSync(readFileSync(join(folder, clean)))
    writeFileSync(join(folder, 'clean.ndjson.gz'), packed)
    expect(await inturn('audit', 'clean.ndjson.gz', '--html', 'page.html')).toMatchObject({ code: 0 })
    expect(readFileSync(join(folder, 'page.html'), 'utf8')).toContain(hash('sha256', packed))
  })

  it('nothing of the log is markup on the page, and no script but its own may run', async () => {
    const names = [
      '<img src=x onerror=alert(1)>',
      '"><script>alert(1)</script>',
      "' onload='alert(1)",
      '\u202e&amp;',
    ]
    const lines = names.flatMap((name) => {
      const stream = JSON.stringify(name)
      return [1, 1, 3].map(
        (sequence, at) => `{"stream":${stream},"sequence":${sequence},"id":${stream.slice(0, -1)}${at}"}`,
      )
    })
    await inturn('audit', write('<i>.ndjson', lines), '--id', 'id', '--html', 'page.html')
    const page = readFileSync(join(folder, 'page.html'), 'utf8')
    expect(page).not.toMatch(/<img|<i>\.|<script>alert|"><script|' onload|\u202e/)
    expect(page).not.toMatch(/https?:|<link|@import|url\(/)
    const [script, ...others] = [...page.matchAll(/<script[^>]*>([^]*?)<\/script>/g)].map(([, text]) => text)
    expect(others).toEqual([])
    expect(page).toContain(`script-src 'sha256-${hash('sha256', script ?? '', 'base64')}'`)
    expect(page).toContain("default-src 'none'")
  })

  it('the page is bounded, whatever the log and its names are, and says so', async () => {
    const lines = Array.from({ length: 3000 }, (_, n) => {
      const stream = `${'x'.repeat(5000)}${n % 20}`
      return ['first', 'second'].map((id) => JSON.stringify({ stream, sequence: n * 3, id }))
    })
    await inturn('audit', write('many.ndjson', lines.flat()), '--id', 'id', '--html', 'page.html')
    const page = readFileSync(join(folder, 'page.html'), 'utf8')
    expect(page.length).toBeLessThan(400_000)
    expect(page).toContain('Conflicts: the first 200 of 3,000')
    expect(page).toContain('Gaps: the first 200 of 2,980')
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

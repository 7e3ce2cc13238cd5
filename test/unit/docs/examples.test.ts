// What a reader pastes or runs first works, and prints what the page says it prints.
import { appendFileSync, cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { codeBlocks, root } from './marked-code.ts'
import { UserFolder } from './user-folder.ts'

/** The quick start in a folder of its own, without what somebody may have left there by running it. */
function quickStart(): UserFolder {
  const folder = new UserFolder()
  const filter = (source: string): boolean => !source.includes('bank.db')
  cpSync(join(root, 'examples', 'quick-start'), folder.path, { recursive: true, filter })
  return folder
}

function balancesIn(folder: UserFolder): Record<string, unknown> {
  using database = new DatabaseSync(join(folder.path, 'bank.db'))
  const rows = database.prepare('SELECT name, balance FROM account ORDER BY name').all()
  return Object.fromEntries(rows.map(({ name, balance }) => [String(name), balance]))
}

test('the example of the README runs as it stands and prints what follows it', async () => {
  using folder = new UserFolder()
  const blocks = codeBlocks('README.md')
  const at = blocks.findIndex(({ language }) => language === 'ts')
  writeFileSync(join(folder.path, 'example.ts'), blocks[at]?.code ?? '')
  expect(blocks[at + 1]?.language).toBe('text')
  expect((await folder.node('example.ts')).stdout).toBe(blocks[at + 1]?.code)
})

test('the quick start books every payment once, and goes on when the missing one comes', async () => {
  using folder = quickStart()
  const run = async (exitCode: number): Promise<void> => {
    expect(await folder.inturn('run', '--until', 'caught-up')).toMatchObject({ exitCode })
  }
  // Bob's account stands still, in front of the payment that is missing.
  await run(1)
  expect(balancesIn(folder)).toEqual({ alice: 120, bob: 50 })
  await run(1)
  expect(balancesIn(folder)).toEqual({ alice: 120, bob: 50 })
  appendFileSync(
    join(folder.path, 'payments.ndjson'),
    '{ "stream": "bob", "sequence": 2, "id": "b2", "data": -20 }\n',
  )
  await run(0)
  expect(balancesIn(folder)).toEqual({ alice: 120, bob: 105 })
  expect(await folder.inturn('verify')).toMatchObject({ exitCode: 0 })
})

test('user journeys are built once from three partitions, and rebuilt equal, again and again', async () => {
  using folder = new UserFolder()
  const source = join(root, 'examples', 'user-journey')
  const filter = (path: string): boolean => !path.includes('.db') && !path.endsWith('.ndjson')
  cpSync(source, folder.path, { recursive: true, filter })
  const shown = codeBlocks('examples/user-journey/README.md').find(({ language }) => language === 'text')
  for (let run = 0; run < 2; run++) {
    expect(await folder.node('journey.ts')).toMatchObject({ exitCode: 0, stdout: shown?.code })
  }
})

/** Without what differs from run to run: times, and what is said once no worker has read for long. */
function timeless(text: string): string {
  return text
    .replaceAll(/^ +no worker is reading .*\n/gm, '')
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/g, 'then')
    .replaceAll(/\b\d+(?:\.\d+)? (?:ms|s|min)\b/g, 'a while')
}

test('the command line prints what the README shows of it', async () => {
  using folder = quickStart()
  await folder.inturn('run', '--until', 'caught-up')
  const shown = codeBlocks('README.md').filter(({ language }) => language === 'console')
  expect(shown.length).toBe(2)
  for (const { code } of shown) {
    const [, args = '', output = ''] = /^\$ npx inturn ([^\n]*)\n(.*)$/s.exec(code) ?? []
    const { stdout } = await folder.inturn(...args.split(' '))
    expect(timeless(stdout)).toBe(timeless(output))
  }
})

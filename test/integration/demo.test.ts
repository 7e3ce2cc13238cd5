// `inturn demo`, small: the real engine, a killed worker, and the proof from the database.
import { existsSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { inturn, testFolder } from './run-inturn.ts'

interface DemoOutput {
  readonly isProven: boolean
  readonly database: string
  readonly progress: {
    readonly kills: number
    readonly healed: number
    readonly faults: Record<string, number>
  }
  readonly proof: Record<string, unknown>
}

const small = ['--events', '3000', '--streams', '30', '--spread', '1'] as const

test('every event has its effect in turn, exactly once, whatever was thrown at the worker', async () => {
  const folder = testFolder()
  try {
    const { code, stdout, stderr } = await inturn(folder.path, 'demo', ...small, '--seed', '5', '--json')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { isProven, proof, progress, database } = JSON.parse(stdout) as DemoOutput
    expect({ isProven, proof }).toEqual({
      isProven: true,
      proof: {
        rows: 3_000,
        accounts: 30,
        repeated: 0,
        missing: 0,
        outOfTurn: 0,
        wrongBalances: 0,
        holds: true,
      },
    })
    expect(progress.kills).toBe(1)
    expect(progress.healed).toBeGreaterThanOrEqual(progress.faults['dropped'] ?? 0)
    expect(progress.faults).toMatchObject({ duplicated: expect.any(Number) as number })
    expect(existsSync(dirname(database))).toBe(false)
  } finally {
    folder.remove()
  }
})

test('--keep leaves the database, and what it says to look at it works', async () => {
  const folder = testFolder()
  const { stdout, code } = await inturn(folder.path, 'demo', ...small, '--keep')
  expect(code).toBe(0)
  expect(stdout).toContain('Every event, in turn, exactly once.')
  const commands = [...stdout.matchAll(/^ {2}inturn (?<command>.*)$/gm)].map(
    ({ groups }) => groups?.['command'] ?? '',
  )
  const file = /--store (?<file>\S+)/.exec(stdout)?.groups?.['file'] ?? ''
  try {
    expect(commands.length).toBeGreaterThan(2)
    for (const command of commands) {
      expect(await inturn(folder.path, ...command.split(' '))).toMatchObject({ code: 0, stderr: '' })
    }
  } finally {
    rmSync(dirname(file), { recursive: true, force: true })
    folder.remove()
  }
})

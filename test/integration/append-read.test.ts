// `inturn append` and `inturn read` as a user runs them: what goes in comes out, a second time changes
// nothing, and what is wrong is said with its line and its exit code.
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sqliteEventLog } from '../../src/stores/sqlite.ts'
import { inturn, pasteLine, sourceUrl, startInturn, testFolder } from './run-inturn.ts'
import type { Ran, TestFolder } from './run-inturn.ts'

let folder: TestFolder
beforeEach(() => {
  folder = testFolder()
})
afterEach(() => folder.remove())

const run = (...args: readonly string[]): Promise<Ran> => inturn(folder.path, ...args)
const inLog = ['--log', 'sqlite:log.db']

function linesOf({ stdout }: Ran): Record<string, unknown>[] {
  return stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

function booking(number: number, fields: object = {}): string {
  const stream = String(number % 3)
  const event = { domain: 'account', stream, id: `b${number}`, type: 'account.booked', data: { number } }
  return `${JSON.stringify({ ...event, ...fields })}\n`
}

const bookings = (count: number): string =>
  Array.from({ length: count }, (_, index) => booking(index + 1)).join('')

describe('append', () => {
  test('numbers what a file has, once, however often it is run; the export is clean', async () => {
    folder.write('bookings.ndjson', `${bookings(700)}\n`)
    expect(await run('append', 'bookings.ndjson', ...inLog)).toMatchObject({
      code: 0,
      stdout: '700 events in 3 streams of sqlite log.db\n',
    })
    folder.write('bookings.ndjson', bookings(705))
    expect((await run('append', 'bookings.ndjson', ...inLog)).stdout).toBe(
      '705 events in 3 streams of sqlite log.db; 700 were there already\n',
    )
    const exported = await run('read', '--all', '--json', ...inLog)
    expect(linesOf(exported).length).toBe(705)
    folder.write('export.ndjson', exported.stdout)
    const audit = await run('audit', 'export.ndjson', '--id', 'id', '--json')
    expect(JSON.parse(audit.stdout)).toMatchObject({ clean: true, events: 705, streams: 3 })
    const again = await run('append', 'export.ndjson', '--log', 'copy.db')
    expect(again.stdout).toBe('705 events in 3 streams of sqlite copy.db\n')
    const copied = linesOf(await run('read', '--all', '--json', '--log', 'copy.db'))
    const timeless = (events: Record<string, unknown>[]): unknown[] =>
      events.map((event) => ({ ...event, appendedAt: 0 }))
    expect(timeless(copied)).toEqual(timeless(linesOf(exported)))
  })

  test('an input without an event is a mistake, unless it is said to be none', async () => {
    const append = (flags: string): Promise<Ran> =>
      pasteLine(folder.path, `inturn append - --log log.db ${flags} < nothing.ndjson`)
    for (const text of ['', '\n \n']) {
      folder.write('nothing.ndjson', text)
      const { code, stderr } = await append('')
      expect([code, stderr]).toEqual([
        2,
        'inturn: standard input holds no events; if that is as it should be, add --allow-empty\n',
      ])
    }
    expect(await run('append', 'nothing.ndjson', ...inLog)).toMatchObject({ code: 2 })
    expect(await append('--allow-empty')).toMatchObject({ code: 0 })
    expect(await append('--stream account/1 --expected none')).toMatchObject({ code: 0 })
  })

  test('says where each event is, and keeps every digit', async () => {
    const file = folder.write('one.ndjson', '')
    const line = '{"id":"b1","type":"t","data":{"n":123456789012345678901}}\n'
    folder.write('one.ndjson', line)
    const appended = await run('append', file, '--stream', 'account/a%2Fb', '--json', ...inLog)
    expect(linesOf(appended)).toEqual([
      { domain: 'account', stream: 'a/b', id: 'b1', sequence: 1, place: 1, duplicate: false },
    ])
    expect((await run('read', 'account/a%2Fb', '--json', ...inLog)).stdout).toContain(
      '{"n":123456789012345678901}',
    )
  })

  test('bytes come back as bytes through read --json | append', async () => {
    const log = sqliteEventLog(join(folder.path, 'log.db'))
    await log.open()
    const data = [
      Uint8Array.of(0, 255, 10),
      { photo: Uint8Array.of(1, 2), name: 'x' },
      [Uint8Array.of()],
      { 0: 1 },
    ]
    const events = data.map((one, index) => ({ id: `b${index}`, type: 't', data: one }))
    await log.append({ domain: 'account', stream: '1', events })
    await log.close()
    const exported = await run('read', '--all', '--json', ...inLog)
    expect(linesOf(exported)[0]).toMatchObject({ data_base64: 'AP8K' })
    expect(linesOf(exported)[1]).toMatchObject({ data: { photo: 'AQI=' }, data_base64_at: ['/photo'] })
    folder.write('export.ndjson', exported.stdout)
    expect(await run('append', 'export.ndjson', '--log', 'sqlite:copy.db')).toMatchObject({ code: 0 })
    const copy = sqliteEventLog(join(folder.path, 'copy.db'))
    await copy.open()
    const read: unknown[] = []
    for await (const event of copy.readAll()) read.push(event.data)
    await copy.close()
    expect(read).toEqual(data)
  })

  test('with an expectation everything is appended, or nothing', async () => {
    folder.write('first.ndjson', booking(3) + booking(6))
    folder.write('second.ndjson', booking(9) + booking(12))
    const expecting = (file: string, expected: string): Promise<Ran> =>
      run('append', file, '--expected', expected, ...inLog)
    expect(await expecting('first.ndjson', 'none')).toMatchObject({ code: 0 })
    const refused = await expecting('second.ndjson', '1')
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain('account/0 is at 2, not at 1')
    expect(await expecting('second.ndjson', '2')).toMatchObject({ code: 0 })
    expect(await expecting('first.ndjson', 'none')).toMatchObject({ code: 0 })
    expect(linesOf(await run('read', 'account/0', '--json', ...inLog)).length).toBe(4)
    folder.write('both.ndjson', booking(1) + booking(2))
    expect(await expecting('both.ndjson', 'any')).toMatchObject({ code: 2 })
  })

  test('takes CloudEvents', async () => {
    const cloudEvent = {
      specversion: '1.0',
      id: 'c1',
      type: 'account.booked',
      source: '/bank',
      partitionkey: '42',
      domain: 'account',
      data: { amount: 5 },
    }
    folder.write('cloud.ndjson', JSON.stringify(cloudEvent))
    await run('append', 'cloud.ndjson', ...inLog)
    expect(linesOf(await run('read', 'account/42', '--json', ...inLog))).toMatchObject([
      { id: 'c1', stream: '42', sequence: 1, attributes: { source: '/bank' }, data: { amount: 5 } },
    ])
  })

  test('a stream that is named gets CloudEvents too, whatever they say themselves', async () => {
    const message = { specversion: '1.0', type: 't', source: '/bank', data: 1 }
    const elsewhere = { ...message, id: 'c1', domain: 'invoice', partitionkey: '7' }
    const nowhere = { ...message, id: 'c2' }
    folder.write('cloud.ndjson', `${JSON.stringify(elsewhere)}\n${JSON.stringify(nowhere)}\n`)
    const appended = await run('append', 'cloud.ndjson', '--stream', 'account/42', '--json', ...inLog)
    expect(linesOf(appended)).toMatchObject([
      { domain: 'account', stream: '42', id: 'c1' },
      { domain: 'account', stream: '42', id: 'c2' },
    ])
  })

  test('an expectation is checked also when there is nothing to append', async () => {
    folder.write('none.ndjson', '')
    const expecting = (expected: string): Promise<Ran> =>
      run('append', 'none.ndjson', '--stream', 'account/1', '--expected', expected, ...inLog)
    expect(await expecting('none')).toMatchObject({
      code: 0,
      stdout: '0 events in 0 streams of sqlite log.db\n',
    })
    const refused = await expecting('7')
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('account/1 is at 0, not at 7')
  })

  test('says the line that is wrong; what came before its batch is there', async () => {
    const wrong = ['no json', '[]', '{"id":"x"}', booking(9, { id: 7 }), booking(9, { time: 'late' })]
    for (const [index, line] of wrong.entries()) {
      folder.write('wrong.ndjson', booking(1) + booking(2) + line)
      const ran = await run('append', 'wrong.ndjson', '--batch', '2', '--log', `wrong-${index}.db`)
      expect(ran.code).toBe(1)
      expect(ran.stderr).toMatch(index === 4 ? /b9: time/ : /line 3: /)
      expect(linesOf(await run('read', '--all', '--json', '--log', `wrong-${index}.db`)).length).toBe(2)
    }
    folder.write('latin.ndjson', Buffer.from(booking(1) + booking(2, { stream: 'M\xfcller' }), 'latin1'))
    const latin = await run('append', 'latin.ndjson', '--log', 'latin.db')
    expect(latin).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('line 2: it is not UTF-8') as string,
    })
    expect(await run('append', 'none.ndjson', ...inLog)).toMatchObject({ code: 2 })
    expect(await run('append', 'none.ndjson')).toMatchObject({ code: 2 })
    expect(await run('append', 'wrong.ndjson', '--log', 'kafka://nowhere')).toMatchObject({ code: 2 })
  })
})

describe('read', () => {
  test('reads a range of a stream, either way, as a table or as lines', async () => {
    folder.write('bookings.ndjson', bookings(12))
    await run('append', 'bookings.ndjson', ...inLog)
    const numbers = async (...args: readonly string[]): Promise<unknown[]> =>
      linesOf(await run('read', ...args, '--json', ...inLog)).map(({ sequence }) => sequence)
    expect(await numbers('account/1')).toEqual([1, 2, 3, 4])
    expect(await numbers('account/1', '--from', '2', '--to', '3', '--backwards')).toEqual([3, 2])
    expect(await numbers('account/1', '--backwards', '--limit', '1')).toEqual([4])
    expect(await numbers('--all', '--from', '11')).toEqual([4, 4])
    expect(await numbers('--all', '--type', 'account.*', '--domain', 'account', '--limit', '3')).toEqual([
      1, 1, 1,
    ])
    expect(await numbers('--all', '--type', 'chat.*')).toEqual([])
    const { stdout } = await run('read', 'account/1', '--limit', '1', ...inLog)
    expect(stdout).toMatch(/^place {2}stream +sequence +id +type +time +data\n +1 {2}account\/1 +1 {2}b1 /)
  })

  test('follows a log until it is stopped', async () => {
    folder.write('bookings.ndjson', bookings(3))
    await run('append', 'bookings.ndjson', ...inLog)
    const { child, ended } = startInturn(folder.path, 'read', '--all', '--follow', '--json', ...inLog)
    let text = ''
    child.stdout?.on('data', (chunk: Buffer) => void (text += chunk.toString()))
    const until = async (lines: number): Promise<void> => {
      while (text.split('\n').length <= lines) await once(child.stdout ?? child, 'data')
    }
    await until(3)
    folder.write('more.ndjson', booking(4))
    await run('append', 'more.ndjson', ...inLog)
    await until(4)
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 0 })
    expect(text.trim().split('\n').length).toBe(4)
  })

  test('a module that exports the log takes the place of --log', async () => {
    const module = `import { sqliteEventLog } from ${sourceUrl('stores/sqlite.ts')}
      export const log = sqliteEventLog('mine.db')`
    folder.write('inturn.config.ts', module)
    folder.write('bookings.ndjson', bookings(3))
    expect((await run('append', 'bookings.ndjson')).stdout).toContain('sqlite mine.db')
    expect(linesOf(await run('read', '--all', '--json')).length).toBe(3)
    folder.write('other.ts', 'export const log = 7')
    expect(await run('read', '--all', '--config', 'other.ts')).toMatchObject({ code: 2 })
  })

  test('what cannot be asked, or is not there, is said', async () => {
    for (const args of [
      [],
      ['account/1', '--all'],
      ['--all', '--to', '3'],
      ['account/1', '--follow'],
      ['x'],
    ]) {
      expect(await run('read', ...args, ...inLog)).toMatchObject({ code: 2 })
    }
    const { code, stderr } = await run('read', '--all', ...inLog)
    expect([code, stderr]).toEqual([2, 'inturn: the database log.db does not exist\n'])
  })

  test('says how to read on where retention removed the beginning', async () => {
    folder.write('bookings.ndjson', bookings(9))
    await run('append', 'bookings.ndjson', ...inLog)
    const log = sqliteEventLog(join(folder.path, 'log.db'))
    await log.trim({ before: 5 })
    await log.close()
    const refused = await run('read', '--all', '--json', ...inLog)
    expect(refused).toMatchObject({ code: 1 })
    expect(refused.stderr).toContain('--from kept begins with what is there')
    expect(linesOf(await run('read', '--all', '--from', 'kept', '--json', ...inLog)).length).toBe(5)
  })
})

// What is waited for and what is given up, by what is seen of the server, on virtual time (I10).
import { beforeEach, expect, test } from 'vitest'
import type { BackendState, Patience } from '../../../src/stores/postgres/reply-watch.ts'
import { ReplyWatch } from '../../../src/stores/postgres/reply-watch.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'

const replyMs = 1000
const idle = { isActive: false, waitsFor: 'Client: ClientRead' }
const working = { isActive: true, waitsFor: '' }
const locked = { isActive: true, waitsFor: 'Lock: tuple' }
const standby = { isActive: true, waitsFor: 'IPC: SyncRep' }
let timers: VirtualTimers
let told: string[]

beforeEach(() => {
  timers = new VirtualTimers()
  told = []
})

/** A watch of a server that does always the same. */
function watching(found: BackendState | undefined): ReplyWatch {
  return new ReplyWatch({
    replyMs,
    timers,
    look: async () => found,
    sever: ({ message }, isAtWork) => told.push(isAtWork ? `${message}, cancelled` : message),
    warn: (message) => told.push(message),
  })
}

test.each<[string, Patience, BackendState | undefined, string[]]>([
  ['silence', 'own', undefined, ['no answer within 1.3 s']],
  ['silence', 'commit', undefined, ['no answer within 1.3 s']],
  ['silence', 'long', undefined, ['no answer within 6.3 s']],
  ['an answer that was lost', 'own', idle, ['no answer within 1.3 s']],
  ['an answer that was lost', 'commit', idle, ['no answer within 1.3 s']],
  ['an answer that was lost', 'long', idle, ['no answer within 1.3 s']],
  [
    'work',
    'own',
    working,
    [
      'a statement has had no answer for 1 s: the server is at work on it',
      'no answer within 6.3 s, cancelled',
    ],
  ],
  [
    'a lock',
    'own',
    locked,
    ['a statement has had no answer for 1 s: it waits for Lock: tuple', 'no answer within 6.3 s, cancelled'],
  ],
  [
    'work',
    'commit',
    working,
    ['a commit has had no answer for 1 s: the server is at work on it', 'no answer within 6.3 s'],
  ],
  [
    'a standby that is gone',
    'commit',
    standby,
    [1, 7, 13, 19].map((s) => `a commit has had no answer for ${s} s: it waits for IPC: SyncRep`),
  ],
  ['work', 'long', working, []],
])('%s: what is sent as %s', async (_, patience, found, expected) => {
  const watch = watching(found)
  watch.asked(patience)
  await timers.advance(20_000)
  expect(told).toEqual(expected)
})

test('what is behind others is watched from when these have their answers', async () => {
  const watch = watching(idle)
  for (let asked = 0; asked < 5; asked++) watch.asked('own')
  for (let answered = 0; answered < 4; answered++) {
    await timers.advance(900)
    watch.answered()
  }
  await timers.advance(900)
  expect(told).toEqual([])
  await timers.advance(600)
  expect(told).toEqual(['no answer within 1.3 s'])
})

test('a watch that has ended has no timer left once nothing is open', async () => {
  const [done, open] = [watching(working), watching(working)]
  for (const watch of [done, open]) watch.asked('long')
  done.answered()
  for (const watch of [done, open]) watch.end()
  await timers.advance(5000)
  open.answered()
  await timers.advance(1000)
  expect(timers.nextAtMs).toBeUndefined()
})

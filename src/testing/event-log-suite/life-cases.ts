// Laws of a log's life: what is appended stays, also beside user data, and any number of handles see the
// same log. I2, I3 and I5.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { expectError } from '../store-suite/expect-error.ts'
import type { EventLogCase, EventLogFixture } from './event-log-case.ts'
import { account, all, ids, idsOf, numbersOf, to } from './samples.ts'

function given<Part>(part: Part | undefined): Part {
  ok(part !== undefined, 'the fixture lacks what it says to have')
  return part
}

async function written({ transaction }: EventLogFixture): Promise<readonly string[]> {
  return given(transaction).written()
}

/** Laws of a log's life. */
export const lifeCases: readonly EventLogCase[] = [
  {
    name: 'a log that was opened again has everything, and knows its ids (I3)',
    needs: ['durable'],
    run: async ({ log, reopen }) => {
      const first = await log.append(to('a', ids(3), 'none'))
      await log.trim({ before: first.events[1]?.place ?? 0 })
      const again = await given(reopen)()
      deepEqual(await all(again.readAll({ after: 'kept' })), first.events.slice(1))
      equal((await again.append(to('a', ['e2', 'e3'], 'none'))).duplicate, true)
      equal((await again.append(to('a', ['e4'], 3))).events[0]?.sequence, 4)
    },
  },
  {
    name: 'handles append to one log: dense numbers, rising places, one winner an expectation (I5)',
    needs: ['handles'],
    run: async ({ log, secondHandle }) => {
      const logs = [log, await given(secondHandle)()]
      const appends = ids(60).map((id, index) => given(logs[index % 2]).append(to(`${index % 3}`, [id])))
      await Promise.all(appends)
      for (const stream of ['0', '1', '2']) {
        deepEqual(
          await numbersOf(log, stream),
          Array.from({ length: 20 }, (_, index) => index + 1),
        )
      }
      const racing = ids(20, 'r').map((id, index) => given(logs[index % 2]).append(to('a', [id], 'none')))
      const ended = await Promise.allSettled(racing)
      equal(ended.filter(({ status }) => status === 'fulfilled').length, 1)
      deepEqual(await idsOf(log), await idsOf(given(logs[1])))
    },
  },
  {
    name: 'the same append by two handles at once is appended once (I2)',
    needs: ['handles'],
    run: async ({ log, secondHandle }) => {
      const second = await given(secondHandle)()
      const both = await Promise.all([log.append(to('a', ids(5))), second.append(to('a', ids(5)))])
      deepEqual(new Set(both.map(({ duplicate }) => duplicate)), new Set([false, true]))
      deepEqual(both[0].events, both[1].events)
    },
  },
  {
    name: 'a reader misses nothing while another handle appends (I3)',
    needs: ['handles'],
    run: async ({ log, secondHandle, advanceTime }) => {
      const second = await given(secondHandle)()
      const seen: number[] = []
      const following = (async () => {
        for await (const { place } of log.subscribe({ limit: 400 })) seen.push(place)
      })()
      const appending = Promise.all(
        ids(40).map((id, index) =>
          (index % 2 === 0 ? log : second).append(to(`s${index % 4}`, ids(10, `${id}-`))),
        ),
      )
      const ended = { isSo: false }
      const done = Promise.all([following, appending]).then(() => (ended.isSo = true))
      while (!ended.isSo) await advanceTime(20)
      await done
      deepEqual(
        seen,
        (await all(log.readAll())).map(({ place }) => place),
      )
    },
  },
  {
    name: 'events and user data of one transaction are there together, or neither is (I2)',
    needs: ['transaction'],
    run: async (fixture) => {
      const { log } = fixture
      const { append } = given(fixture.transaction)
      await append('one', ['e1'])
      await append('two', ['e2', 'e3'], { fails: true }).then(
        () => ok(false, 'a body that rejects rejects the transaction'),
        () => undefined,
      )
      deepEqual([await written(fixture), await numbersOf(log, 'beside')], [['one'], [1]])
      await append('three', ['e2'])
      deepEqual(
        [await written(fixture), await numbersOf(log, 'beside')],
        [
          ['one', 'three'],
          [1, 2],
        ],
      )
      deepEqual((await all(log.readAll())).map(({ place }) => place).length, 2)
    },
  },
  {
    name: 'a conflict in a transaction undoes the user data with it (I2)',
    needs: ['transaction'],
    run: async (fixture) => {
      const { log } = fixture
      await log.append(to('beside', ['e1']))
      const { append } = given(fixture.transaction)
      await expectError('append-partly-known', () => append('one', ['e1', 'e2']))
      deepEqual([await written(fixture), await numbersOf(log, 'beside')], [[], [1]])
      await append('again', ['e1'])
      deepEqual([await written(fixture), await numbersOf(log, 'beside')], [['again'], [1]])
    },
  },
  {
    name: 'a closed log refuses',
    run: async ({ log }) => {
      await log.close()
      await expectError('store-closed', () => log.append(to('a', ['e'])))
      await expectError('store-closed', () => all(log.readAll()))
      await expectError('store-closed', () => log.bounds(account('a')))
    },
  },
]

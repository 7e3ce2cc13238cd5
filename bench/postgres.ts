// Exactly once on Postgres, on a server of its own: inturn beside the bare limit and beside peers, with one
// insert for a whole batch and with one insert an event, all streams of a batch at once; and workers beside
// each other, each a process, with streams of their own and on the same ones.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startPostgres } from '../test/services/postgres-server.ts'
import type { Contender, MeasuredWork } from './measure.ts'
import { measure, report } from './measure.ts'
import {
  bare,
  batch,
  each,
  eventsOf,
  inBulk,
  insertEach,
  insertInBulk,
  onEmptyTables,
  sweepRest,
  withInturn,
} from './postgres/exactly-once.ts'
import { emmett, graphileWorker, pgBoss } from './postgres/peers.ts'

const server = await startPostgres()
const { url } = server

function contenders(streams: number): readonly (readonly [title: string, all: readonly Contender[]])[] {
  const many = eventsOf(100_000, streams)
  const few = eventsOf(streams === 1 ? 5_000 : 20_000, streams)
  return [
    [
      'one insert a batch',
      [
        { name: 'bare transactions', run: () => bare(url, many, insertInBulk) },
        { name: 'inturn, handleBatch', run: () => withInturn(url, many, inBulk) },
      ],
    ],
    [
      'one insert an event, streams at once',
      [
        { name: 'bare transactions', run: () => bare(url, few, insertEach) },
        { name: 'inturn, handle', run: () => withInturn(url, few, each) },
      ],
    ],
  ]
}

/** Peers keep their events in the database; inturn is handed its own. */
function peers(): readonly Contender[] {
  const events = eventsOf(10_000, 100)
  return [
    { name: 'Emmett, eachMessage', run: () => emmett(url, events) },
    { name: 'pg-boss, fetch, 20 inserts at once', run: () => pgBoss(url, events) },
    { name: 'graphile-worker, 20 at once', run: () => graphileWorker(url, events) },
    { name: 'inturn, handle', run: () => withInturn(url, events, each) },
    { name: 'inturn, handleBatch', run: () => withInturn(url, events, inBulk) },
  ]
}

const workerProcess = fileURLToPath(new URL('postgres/worker-process.ts', import.meta.url))

/**
 * Workers that are processes of their own, each with 1,000 streams of its own, or all with the same ones, one
 * event after another of a stream by another one.
 */
function sideBySide(
  workers: number,
  handling: 'each' | 'inBulk',
  streams: 'own' | 'same',
): Promise<MeasuredWork> {
  const count = 40_000
  return onEmptyTables(url, count, async () => {
    const all = Array.from({ length: workers }, (_, nth) =>
      fork(workerProcess, [url, `${nth}`, `${workers}`, `${count}`, handling, streams]),
    )
    await Promise.all(all.map((child) => once(child, 'message')))
    return async () => {
      const done = all.map((child) => once(child, 'message'))
      for (const child of all) child.send('go')
      await Promise.all(done)
      if (streams === 'same') await sweepRest(url, handling === 'each' ? each : inBulk)
    }
  })
}

try {
  for (const streams of [1, 100, 10_000]) {
    for (const [title, all] of contenders(streams)) {
      report(`Postgres exactly once, ${streams} streams, batch ${batch}, ${title}`, await measure(all))
    }
  }
  report('Postgres, peers: 10,000 events of 100 streams, a row each', await measure(peers()))
  for (const streams of ['own', 'same'] as const) {
    for (const handling of ['inBulk', 'each'] as const) {
      const all = [1, 2, 4].map((workers) => ({
        name: `${workers} processes`,
        run: () => sideBySide(workers, handling, streams),
      }))
      report(`Postgres, workers beside each other, ${streams} 1,000 streams, ${handling}`, await measure(all))
    }
  }
} finally {
  await server.stop()
}

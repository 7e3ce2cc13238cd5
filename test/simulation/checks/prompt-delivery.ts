// I6: where nothing fails, an event is delivered soon after it and all its predecessors have come, whatever
// other streams do, and without any sweep.
import type { StreamPath } from '../../../src/core/stream-path.ts'
import type { Produced } from '../produced.ts'
import type { SimulatedWorld } from '../simulated-world.ts'
import type { Check } from './check.ts'
import { domainOf } from './check.ts'

const slackMs = 20_000

/** With the sweep off, every event in turn is delivered in time. */
export const checkPromptDelivery: Check = (world) => {
  if (!world.scenario.isSweepOff) return []
  const busyMs = world.produced.reduce((sum, { handlerMs }) => sum + handlerMs, 0)
  return world.consumers.flatMap(({ name }) =>
    pathsOf(world).flatMap((path) => lateIn(world, { consumer: name, path, withinMs: slackMs + busyMs })),
  )
}

function pathsOf(world: SimulatedWorld): readonly StreamPath[] {
  const tracked = world.produced.filter(({ path }) => domainOf(world, path)?.numbering.kind === 'contiguous')
  return [...new Set(tracked.map(({ path }) => path))]
}

function lateIn(
  world: SimulatedWorld,
  about: { readonly consumer: string; readonly path: StreamPath; readonly withinMs: number },
): readonly string[] {
  const { consumer, path, withinMs } = about
  const isOurs = (happening: { readonly consumer: string; readonly produced: Produced }): boolean =>
    happening.consumer === consumer && happening.produced.path === path
  const came = new Map<number, number>()
  for (const happening of world.history.of('available').filter(isOurs)) {
    if (!came.has(happening.produced.uid)) came.set(happening.produced.uid, happening.atMs)
  }
  const breaches: string[] = []
  for (const { produced, atMs } of world.history.of('effect').filter(isOurs)) {
    const inFront = world.produced.filter((other) => other.path === path && isUpTo(other, produced))
    const readyMs = Math.max(...inFront.map(({ uid }) => came.get(uid) ?? 0))
    if (atMs <= readyMs + withinMs) continue
    const place = `${produced.epoch}/${String(produced.sequence)}`
    breaches.push(
      `I6: ${consumer} ${path}: ${place} was in turn at ${readyMs} ms, and delivered at ${atMs} ms`,
    )
  }
  return breaches
}

function isUpTo(other: Produced, produced: Produced): boolean {
  if (other.epoch !== produced.epoch) return other.epoch < produced.epoch
  return (other.fillFrom ?? other.sequence) <= produced.sequence
}
